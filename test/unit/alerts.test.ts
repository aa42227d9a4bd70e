import { parser } from '@prometheus-io/lezer-promql';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { repository } from '../cluster/paths.ts';

const rule = z.strictObject({
  alert: z.string().regex(/^Cloister[A-Z]/),
  expr: z.string(),
  for: z
    .string()
    .regex(/^\d+[smhd]$/)
    .optional(),
  labels: z.strictObject({ severity: z.enum(['critical', 'warning']) }),
  annotations: z.strictObject({ summary: z.string(), description: z.string().optional() }),
});
const file = z.strictObject({ groups: z.array(z.strictObject({ name: z.string(), rules: z.array(rule).min(1) })).min(1) });
const { groups } = file.parse(parse(readFileSync(join(repository, 'charts/cloister/files/alerts.yaml'), 'utf8')));
const rules = groups.flatMap((group) => group.rules);

/** Where PromQL's own grammar finds something that it does not know. */
function faultsIn(expression: string): string[] {
  const found: string[] = [];
  parser.parse(expression).iterate({
    enter: ({ type, from, to }) => {
      if (type.isError) found.push(`at ${from}: "${expression.slice(from, to)}"`);
    },
  });
  return found;
}

test.each(rules)('alert $alert is PromQL', ({ expr }) => {
  expect(faultsIn(expr)).toEqual([]);
});

test('what is no PromQL is found', () => {
  expect(faultsIn('sum by (kind (up) > 1')).not.toEqual([]);
  expect(faultsIn('rate(up[5x])')).not.toEqual([]);
});

test('no alert is there twice', () => {
  const names = rules.map(({ alert }) => alert);
  expect(new Set(names).size).toBe(names.length);
});
