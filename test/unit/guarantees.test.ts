/** Every promise of these pages names a test that shows it: a file, and a test or a group of tests in it. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from './sources.ts';
import { titlesIn } from './titles.ts';

const cellsOf = (row: string): string[] =>
  row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

/** Rows of the tables whose last column is headed "shown by" or "proven in". */
function promisesOf(page: string): readonly (readonly [promise: string, shownBy: string])[] {
  const blocks = readFileSync(join(root, page), 'utf8').split('\n\n');
  return blocks.flatMap((block) => {
    const [head = '', , ...rows] = block.split('\n').filter((line) => line.startsWith('| '));
    const proves = ['shown by', 'proven in'].includes(cellsOf(head).at(-1) ?? '');
    return proves ? rows.map((row) => [cellsOf(row)[0] ?? '', cellsOf(row).at(-1) ?? ''] as const) : [];
  });
}

/** `[words](path/of/a.test.ts): a part of the name of a test`. Several are separated by commas. */
const references = (cell: string): { readonly file: string; readonly name: string }[] =>
  [...cell.matchAll(/\]\(([^)]+\.test\.ts)\)(?:: ((?:(?!, \[)[^…])+))?/g)].map(([, file = '', name = '']) => ({
    file,
    name: name.trim(),
  }));

describe.each(['docs/guarantees.md', 'docs/gateway.md', 'docs/isolation.md', 'README.md'])('%s', (page) => {
  const promises = promisesOf(page);

  test('makes some', () => {
    expect(promises.length).toBeGreaterThan(10);
  });

  test.each(promises)('%s', (_, shownBy) => {
    const shown = references(shownBy);
    expect(shown).not.toEqual([]);
    for (const { file, name } of shown) {
      expect(name, `the name of a test in ${file}`).not.toBe('');
      const titles = titlesIn(join(dirname(page), file));
      expect(titles.filter((title) => title.includes(name)).length, `tests in ${file} of the name "${name}"`).toBeGreaterThan(0);
    }
  });
});
