/** Every promise in docs/guarantees.md names the test that shows it; that test is there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from './sources.ts';

const rows = readFileSync(join(root, 'docs', 'guarantees.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (-+|what|fault) /.test(line));

/** `[name](../path/of/a.test.ts): the beginning of a test's name`. Several are separated by commas. */
const references = (row: string): { readonly file: string; readonly name: string }[] =>
  [...(row.split('|').at(-2) ?? '').matchAll(/\]\(\.\.\/([^)]+\.test\.ts)\)(?:: ([^|…]+))?/g)].map(([, file = '', name = '']) => ({
    file,
    name: name.trim(),
  }));

test('there are some', () => {
  expect(rows.length).toBeGreaterThan(10);
});

test.each(rows.map((row) => [row.split('|')[1]?.trim() ?? '', row]))('%s', (_, row) => {
  const shown = references(row);
  expect(shown).not.toEqual([]);
  for (const { file, name } of shown) {
    expect(existsSync(join(root, file)), file).toBe(true);
    expect(readFileSync(join(root, file), 'utf8'), file).toContain(name);
  }
});
