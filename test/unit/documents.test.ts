/** What people read and copy first must be true: links lead somewhere, and every resource shown is one that the operator takes. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { agentConfigSpec } from '../../operator/src/api/agent-config.ts';
import { modelProviderSpec } from '../../operator/src/api/model-provider.ts';
import { tenantClassSpec } from '../../operator/src/api/tenant-class.ts';
import { tenantSpec } from '../../operator/src/api/tenant.ts';
import { root } from './sources.ts';

const files = (pattern: string): string[] =>
  globSync(pattern, { cwd: root, exclude: (path) => /(^|\/)(node_modules|dist|\.git)$/.test(path) }).sort();
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const pages = files('**/*.md');

test.each(pages)('every link in %s leads to a file', (page) => {
  const links = [...read(page).matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)].map(([, target = '']) => target);
  const local = links.filter((target) => !/^[a-z]+:/.test(target));
  expect(local.filter((target) => !existsSync(join(root, dirname(page), target)))).toEqual([]);
});

const specs: ReadonlyMap<string, z.ZodType> = new Map<string, z.ZodType>([
  ['Tenant', tenantSpec],
  ['TenantClass', tenantClassSpec],
  ['ModelProvider', modelProviderSpec],
  ['AgentConfig', agentConfigSpec],
]);

const resource = z.object({
  apiVersion: z.literal('cloister.dev/v1alpha1'),
  kind: z.string(),
  metadata: z.object({ name: z.string() }),
  spec: z.unknown(),
});

interface Shown {
  readonly where: string;
  readonly kind: string;
  readonly spec: unknown;
}

const shownIn = (where: string, text: string): Shown[] =>
  parseAllDocuments(text).map((document) => {
    const { kind, metadata, spec } = resource.parse(document.toJS());
    return { where: `${where}: ${metadata.name}`, kind, spec };
  });

/** An example with the comment signs taken off a commented-out resource is a resource, too. */
const uncommented = (text: string): string[] =>
  [...text.matchAll(/^# apiVersion:[^\n]*\n(# [^\n]*\n)+/gm)].map(([block]) => block.replaceAll(/^# /gm, ''));

const shown: readonly Shown[] = [
  ...files('examples/*.yaml').flatMap((path) => [
    ...shownIn(path, read(path)),
    ...uncommented(read(path)).flatMap((text) => shownIn(`${path}, commented out`, text)),
  ]),
  ...['README.md', 'docs/gateway.md'].flatMap((page) =>
    [...read(page).matchAll(/<<'YAML'\n([\s\S]*?)\nYAML/g)].flatMap(([, text = '']) => shownIn(page, text)),
  ),
];

describe('every resource in the examples, in the README and in docs/gateway.md is one that the operator takes', () => {
  test('there are some', () => {
    expect(shown.length).toBeGreaterThan(9);
  });

  test.each(shown)('$where ($kind)', ({ kind, spec }) => {
    // Unknown fields are dropped by the schema, so a misspelt one is missing from what comes out.
    expect(normal(specs.get(kind)?.parse(spec))).toMatchObject(z.looseObject({}).parse(normal(spec)));
  });
});

/** Quantities may be numbers or text. */
const normal = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? {}));
