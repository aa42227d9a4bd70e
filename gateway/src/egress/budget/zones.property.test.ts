/**
 * Random histories around days on which clocks are set, months end, and tenants move from one zone to another; replicas' clocks are not the ledger's.
 * What must hold is checked after every step, first by the rules in plain code, then by Postgres beside them.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bothBooks } from './both-books.fixture.ts';
import { historyOf, limitsOf, live, steps, travels, withRules } from './histories.fixture.ts';

/** The evening before clocks are set back in the Azores and Berlin, in Havana at the end of a month; set forward in Cairo, in Berlin; a year ends. */
const begins = fc
  .constantFrom('2026-10-24T21:00Z', '2026-10-31T22:00Z', '2027-04-29T18:00Z', '2027-03-27T21:00Z', '2026-12-31T08:00Z')
  .map((at) => Date.parse(at));
const step = fc.oneof({ weight: 3, arbitrary: steps.filter(({ do: what }) => what !== 'midnight') }, { weight: 1, arbitrary: travels });
const history = historyOf(limitsOf(fc.option(fc.bigInt(50n, 3_000n), { nil: undefined, freq: 3 })), step, 40);

test(
  'whatever the time zone, and wherever a tenant moves: every invariant holds, by the day and the month of its calendar',
  { timeout: 120_000 },
  async () => {
    let refusals = 0;
    const taken = fc.asyncProperty(begins, history, async (at, given) => {
      const fleet = await live(given, withRules(at), { endForgotten: true });
      refusals += fleet.refusals.tenant;
    });
    await fc.assert(taken, { numRuns: 600 });
    expect(refusals).toBeGreaterThan(100);
  },
);

test('Postgres knows the same days, and when they end', { timeout: 120_000 }, async () => {
  await using books = await bothBooks();
  const taken = fc.asyncProperty(begins, history, async (at, given) => {
    await live(given, await books.world(at), { endForgotten: true });
  });
  await fc.assert(taken, { numRuns: 30 });
});
