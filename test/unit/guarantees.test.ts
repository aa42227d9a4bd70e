/** Every promise of these pages names the test that shows it; that test is there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from './sources.ts';

const cellsOf = (row: string): string[] =>
  row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

/** Rows of the tables whose last column is headed "shown by". */
function promisesOf(page: string): readonly (readonly [promise: string, shownBy: string])[] {
  const blocks = readFileSync(join(root, page), 'utf8').split('\n\n');
  return blocks.flatMap((block) => {
    const [head = '', , ...rows] = block.split('\n').filter((line) => line.startsWith('| '));
    return cellsOf(head).at(-1) === 'shown by' ? rows.map((row) => [cellsOf(row)[0] ?? '', cellsOf(row).at(-1) ?? ''] as const) : [];
  });
}

/** `[name](../path/of/a.test.ts): the beginning of a test's name`. Several are separated by commas. */
const references = (cell: string): { readonly file: string; readonly name: string }[] =>
  [...cell.matchAll(/\]\(\.\.\/([^)]+\.test\.ts)\)(?:: ((?:(?!, \[)[^…])+))?/g)].map(([, file = '', name = '']) => ({
    file,
    name: name.trim(),
  }));

describe.each(['docs/guarantees.md', 'docs/gateway.md'])('%s', (page) => {
  const promises = promisesOf(page);

  test('makes some', () => {
    expect(promises.length).toBeGreaterThan(10);
  });

  test.each(promises)('%s', (_, shownBy) => {
    const shown = references(shownBy);
    expect(shown).not.toEqual([]);
    for (const { file, name } of shown) {
      expect(existsSync(join(root, file)), file).toBe(true);
      expect(readFileSync(join(root, file), 'utf8'), file).toContain(name);
    }
  });
});
