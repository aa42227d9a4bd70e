/**
 * Random histories over many windows, of providers that do not keep to what they were told. What must hold of debts is checked after every step
 * (debt-truth.fixture.ts), by the rules in plain code and by Postgres: over all windows of a budget, what was billed is no more than the limits
 * together and what the last one still owes.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bothBooks } from './both-books.fixture.ts';
import { fate, historyOf, limitsOf, live, soft, steps, which, who, withRules, type World } from './histories.fixture.ts';

const step = fc.oneof(
  { weight: 6, arbitrary: steps },
  {
    weight: 6,
    arbitrary: fc.record({
      ...{ do: fc.constant('call' as const), which, who, size: fc.integer({ min: 1, max: 40 }), fate, soft },
      isFree: fc.constant(false),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('overcharge' as const), which, at: fc.nat(), amount: fc.bigInt(1n, 900n) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('settle' as const), which, at: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('midnight' as const), days: fc.constantFrom(1, 1, 1, 1, 1, 2, 31, 62) }) },
);
const history = historyOf(limitsOf(fc.option(fc.bigInt(40n, 400n), { nil: undefined, freq: 5 })), step, 40);

/** Sees how often a window of any account began with a debt, and how often that changed later. */
function counting(world: World, seen: { owing: number; late: number }): World {
  const known = new Map<string, bigint>();
  const look = async () => {
    for (const key of world.books.windows.keys()) {
      const debt = world.books.debtOf(key).microUsd;
      const before = known.get(key);
      if (before === undefined && debt > 0n) seen.owing++;
      if (before !== undefined && before !== debt) seen.late++;
      known.set(key, debt);
    }
    await world.look();
  };
  return { ...world, look };
}

test('whatever is billed beyond limits is owed by the next windows, once, until they have paid', { timeout: 120_000 }, async () => {
  const seen = { owing: 0, late: 0 };
  const taken = fc.asyncProperty(history, async (given) => {
    await live(given, counting(withRules(), seen), { endForgotten: true });
  });
  await fc.assert(taken, { numRuns: 600 });
  expect(seen.owing).toBeGreaterThan(100);
  expect(seen.late).toBeGreaterThan(100);
});

test('Postgres keeps the same debts as the rules', { timeout: 120_000 }, async () => {
  await using books = await bothBooks();
  const seen = { owing: 0, late: 0 };
  const taken = fc.asyncProperty(history, async (given) => {
    await live(given, counting(await books.world(), seen), { endForgotten: true });
  });
  await fc.assert(taken, { numRuns: 25 });
  expect(seen.owing).toBeGreaterThan(2);
});
