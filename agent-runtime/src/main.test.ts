import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

const source = import.meta.dirname;

/** Every file of ours that `entry` imports, directly or not, and the packages that these name. */
function importsOf(entry: string, seen = new Set<string>()): Set<string> {
  if (seen.has(entry)) return seen;
  seen.add(entry);
  if (!entry.startsWith(source)) return seen;
  for (const [, name = ''] of readFileSync(entry, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g))
    importsOf(name.startsWith('.') ? join(dirname(entry), name) : name, seen);
  return seen;
}

test('what runs in the image knows neither the laptop mode, which lets everybody in, nor its database', () => {
  const found = [...importsOf(join(source, 'main.ts'))].map((path) => (path.startsWith('/') ? relative(source, path) : path));
  expect(found).toContain('store/postgres.ts');
  expect(found.filter((name) => /^dev|pglite|fixture|double/.test(name))).toEqual([]);
});
