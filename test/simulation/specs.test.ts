/** The specs that are wished for: what nobody wishes for, no transition shows anything about. */
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { isRecord } from './json.ts';
import { wishes, type About } from './specs/journey.ts';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
  readonly items?: Schema | undefined;
}
const schema: z.ZodType<Schema> = z.lazy(() => z.object({ properties: z.record(z.string(), schema).optional(), items: schema.optional() }));
const definition = z.object({
  spec: z.object({
    versions: z.tuple([z.object({ schema: z.object({ openAPIV3Schema: z.object({ properties: z.object({ spec: schema }) }) }) })]),
  }),
});

function specSchemaOf(plural: string): Schema {
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'crds', `${plural}.yaml`), 'utf8');
  return definition.parse(parse(text)).spec.versions[0].schema.openAPIV3Schema.properties.spec;
}

/** `access.apiKeys.scopes`: every field that the schema knows. */
const fieldsIn = ({ properties = {}, items }: Schema, path = ''): string[] => [
  ...(items ? fieldsIn(items, path) : []),
  ...Object.entries(properties).flatMap(([name, inner]) => [`${path}${name}`, ...fieldsIn(inner, `${path}${name}.`)]),
];

const fieldsOf = (value: unknown, path = ''): string[] => {
  if (Array.isArray(value)) return value.flatMap((one) => fieldsOf(one, path));
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => [`${path}${name}`, ...fieldsOf(inner, `${path}${name}.`)]);
};

const plurals: Readonly<Record<About, string>> = {
  tenant: 'tenants',
  agent: 'agentconfigs',
  class: 'tenantclasses',
  provider: 'modelproviders',
};

const abouts = ['tenant', 'agent', 'class', 'provider'] as const satisfies readonly About[];

describe.each(abouts)('wishes about a %s', (about) => {
  test('have every field of its spec', () => {
    const drawn = new Set(fc.sample(wishes[about].valid, { seed: 1, numRuns: 2000 }).flatMap((spec) => fieldsOf(spec)));
    const known = fieldsIn(specSchemaOf(plurals[about]));
    expect(known.length).toBeGreaterThan(20);
    expect(known.filter((field) => !drawn.has(field))).toEqual([]);
  });
});
