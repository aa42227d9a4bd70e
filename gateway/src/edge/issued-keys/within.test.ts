import { expect, test } from 'vitest';
import { budgetWithin } from './within.ts';

const tooMuch = (field: string, most: number): never => {
  throw new Error(`${field} above ${most}`);
};
const own = { daily: { usd: 2, tokens: 100 } };

test.each([
  ['has that budget as well where it asks for none', undefined, own],
  ['takes over the amounts that it leaves out', { daily: { usd: 1 } }, { daily: { usd: 1, tokens: 100 } }],
  ['may have as much', { daily: { usd: 2 } }, own],
  ['may have one for a window that that one leaves open', { monthly: { usd: 50 } }, { ...own, monthly: { usd: 50 } }],
])('a key of a key that has a budget %s', (_, wanted, budget) => {
  expect(budgetWithin(own, wanted, tooMuch)).toEqual(budget);
});

test.each([
  ['budget.daily.usd above 2', { daily: { usd: 2.000_001 } }],
  ['budget.daily.tokens above 100', { daily: { tokens: 101 } }],
])('a key of a key that has a budget may not have %s', (problem, wanted) => {
  expect(() => budgetWithin(own, wanted, tooMuch)).toThrow(problem);
});

test('a key of one without a budget has what it asks for', () => {
  expect(budgetWithin(undefined, own, tooMuch)).toEqual(own);
  expect(budgetWithin(undefined, undefined, tooMuch)).toBeUndefined();
});
