import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { repository } from '../cluster/paths.ts';
import { faultsIn, seriesIn } from '../metrics/promql.ts';

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

test.each(rules)('alert $alert is PromQL', ({ expr }) => {
  expect(faultsIn(expr)).toEqual([]);
});

test('what is no PromQL is found', () => {
  expect(faultsIn('sum by (kind (up) > 1')).not.toEqual([]);
  expect(faultsIn('rate(up[5x])')).not.toEqual([]);
});

test('what an expression asks for is known: each metric, its matchers and what it is grouped by', () => {
  expect(seriesIn('sum by (le, b) (rate(a_bucket{c="d", e!~"f"}[5m])) / on (g) (h or vector(0))')).toEqual([
    { metric: 'a_bucket', labels: ['c', 'e', 'le', 'b'] },
    { metric: 'h', labels: [] },
  ]);
});

test('no alert is there twice', () => {
  const names = rules.map(({ alert }) => alert);
  expect(new Set(names).size).toBe(names.length);
});
