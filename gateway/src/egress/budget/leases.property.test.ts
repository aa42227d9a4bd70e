/**
 * Random histories of a fleet of replicas. The invariants are checked after every step, first against the rules in plain code, with thousands
 * of histories, then against the tables and functions of Postgres, which must say the same in every answer.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bothBooks } from './both-books.fixture.ts';
import { Fleet } from './fleet.fixture.ts';
import { accounts, fate, history, live, soft, steps, take, travels, which, who, withRules, type Step } from './histories.fixture.ts';
import type { Limit } from './limits.ts';

test(
  'whatever is lost, cut off, killed or changed: no limit of a tenant, an agent, an API key or a user is overspent, nothing is lost or billed twice',
  { timeout: 120_000 },
  async () => {
    const seen = { crashes: 0, tenant: 0, agent: 0, key: 0, user: 0 };
    await fc.assert(
      fc.asyncProperty(history, async (given) => {
        const { crashes, refusals } = await live(given, withRules());
        seen.crashes += crashes;
        for (const holder of ['tenant', 'agent', 'key', 'user'] as const) seen[holder] += refusals[holder];
      }),
      { numRuns: 2_000 },
    );
    for (const times of Object.values(seen)) expect(times).toBeGreaterThan(100);
  },
);

test('a call is refused only where less is left than five quarters of what it needs', { timeout: 120_000 }, async () => {
  const caps = fc.array(fc.record({ daily: fc.bigInt(200n, 3_000n), monthly: fc.bigInt(200n, 3_000n) }), { minLength: 2, maxLength: 2 });
  const others = steps.filter((step) => step.do !== 'limit' && step.do !== 'overcharge');
  const taken = fc.array(fc.oneof({ weight: 5, arbitrary: others }, travels), { minLength: 10, maxLength: 60 });
  let refusals = 0;
  await fc.assert(
    fc.asyncProperty(caps, taken, who, fc.integer({ min: 1, max: 400 }), async ([own, shares], before, asking, need) => {
      const world = withRules();
      const fleet = new Fleet(3, world.books, world.books);
      const limited = (cap: typeof own): Limit[] => [
        { kind: 'daily', microUsd: cap?.daily, tokens: undefined },
        { kind: 'monthly', microUsd: cap?.monthly, tokens: undefined },
      ];
      for (const name of accounts) fleet.limit(name, limited(name.includes('/') ? shares : own));
      for (const step of before) await take(fleet, world, step);
      const left = await fleet.refusedWith(asking, need);
      if (left === undefined) return;
      refusals++;
      expect(left * 4n < BigInt(need) * 5n, `${left} is left, ${need} is needed`).toBe(true);
    }),
    { numRuns: 2_000 },
  );
  expect(refusals).toBeGreaterThan(100);
});

test('of what is in hand nothing is served beyond a limit that was lowered, once a second has passed', { timeout: 120_000 }, async () => {
  // Of few different ones, so that many are set back before anybody calls.
  const limitsOf = (daily: bigint): Limit[] => [{ kind: 'daily', microUsd: daily, tokens: daily }];
  const others = new Set<Step['do']>(['stream', 'settle', 'beat', 'overcharge', 'cut']);
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        ...{ do: fc.constant('call' as const), which, fate, soft, isFree: fc.boolean(), size: fc.integer({ min: 1, max: 40 }) },
        who: fc.constant({ tenant: 'a' as const, agent: '' as const, caller: '' as const }),
      }),
    },
    { weight: 2, arbitrary: fc.constantFrom(50n, 200n, 1_000n) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(100, 1_000) }) },
    { weight: 6, arbitrary: steps.filter((one) => others.has(one.do)) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (taken) => {
      const changing = taken.map((one): Step => (typeof one === 'bigint' ? { do: 'limit', account: 'a', limits: limitsOf(one) } : one));
      await live({ limits: [limitsOf(1_000n)], steps: changing }, withRules());
    }),
    { numRuns: 3_000 },
  );
});

test('Postgres keeps the same books as the rules', { timeout: 120_000 }, async () => {
  await using books = await bothBooks();
  await fc.assert(
    fc.asyncProperty(history, async (given) => {
      await live(given, await books.world());
    }),
    { numRuns: 40 },
  );
});
