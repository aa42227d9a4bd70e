import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { crdFiles } from './crd-files.ts';
import { specSchema } from './crd.ts';
import { resources } from './resources.ts';

const folder = new URL('../../../crds/', import.meta.url);

test.each([...crdFiles()])('crds/%s is what the schemas say; "npm run crds -w operator" writes it', (name, content) => {
  expect(readFileSync(new URL(name, folder), 'utf8')).toBe(content);
});

test('crds/ holds no file that the schemas do not make', () => {
  expect(readdirSync(folder).sort()).toEqual([...crdFiles().keys()].sort());
});

test('every field that a person may set says what it means', () => {
  const silent: string[] = [];
  const visit = (path: string, schema: unknown): void => {
    if (typeof schema !== 'object' || schema === null) return;
    if ('properties' in schema && typeof schema.properties === 'object' && schema.properties !== null)
      for (const [name, field] of Object.entries(schema.properties)) {
        if (typeof field === 'object' && field !== null && !('description' in field)) silent.push(`${path}.${name}`);
        visit(`${path}.${name}`, field);
      }
    if ('items' in schema) visit(`${path}[]`, schema.items);
  };
  for (const resource of resources) visit(resource.kind, specSchema(resource));
  expect(silent).toEqual([]);
});
