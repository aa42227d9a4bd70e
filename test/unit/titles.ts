/** The names of tests, as they stand in their source. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from './sources.ts';

/** The names of all tests and groups of tests in a file, as they are written: with `%s` where a table fills something in, and the first text of each of its rows. */
export function titlesIn(file: string): string[] {
  const titles: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && isTest(node.expression)) {
      const [title] = node.arguments;
      if (title && ts.isStringLiteralLike(title)) titles.push(title.text);
      if (title && ts.isArrayLiteralExpression(title)) titles.push(...title.elements.flatMap(firstOf));
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest));
  return titles;
}

function firstOf(row: ts.Expression): string[] {
  const cells: readonly ts.Expression[] = ts.isArrayLiteralExpression(row) ? row.elements : [row];
  return cells.slice(0, 1).flatMap((cell) => (ts.isStringLiteralLike(cell) ? [cell.text] : []));
}

/** `test`, `describe.each(…)`, `test.runIf(…)` and their like. */
function isTest(called: ts.Expression): boolean {
  if (ts.isIdentifier(called)) return called.text === 'test' || called.text === 'describe';
  if (ts.isPropertyAccessExpression(called) || ts.isCallExpression(called)) return isTest(called.expression);
  return false;
}
