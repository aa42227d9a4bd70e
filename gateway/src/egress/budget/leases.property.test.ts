/**
 * Random histories of a fleet of replicas. The invariants are checked after every step, first against the rules in plain code, with thousands
 * of histories, then against the tables and functions of Postgres, which must say the same in every answer.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { Fleet, ladderOf, withoutPrice, type Fate } from './fleet.fixture.ts';
import { LedgerModel } from './ledger-model.fixture.ts';
import { ledger, type Answer, type Ledger, type Message } from './ledger.ts';
import type { Limit } from './limits.ts';
import { migrate } from './migrate.ts';
import { pglite } from './sql/pglite.fixture.ts';
import type { Sql } from './sql/sql.ts';
import { silence } from './keep-expiring.ts';

const day = 86_400_000;
const noon = Date.UTC(2026, 10, 29, 12);
const tenants = ['a', 'b'] as const;
/** Budgets: of both tenants, and in each of an agent, an API key and a user. Calls of others name none of these. */
const accounts = ['a', 'b', 'a/x', 'b/x', 'a/key:k', 'b/key:k', 'a/user:u', 'b/user:u'] as const;

const which = fc.nat(2);
const tenant = fc.constantFrom(...tenants);
const account = fc.constantFrom(...accounts);
const agent = fc.constantFrom('', 'x');
const caller = fc.constantFrom('', 'key:k', 'user:u');
const who = fc.record({ tenant, agent, caller });
const fate = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Fate>('arrives') },
  { weight: 1, arbitrary: fc.constantFrom<Fate>('is lost', 'loses its answer', 'is said twice') },
);
const soft = fc.option(fc.record({ percent: fc.constantFrom(20, 50, 80), rest: fc.constantFrom('kept' as const, 'released' as const) }), {
  nil: undefined,
  freq: 2,
});
const cap = fc.option(fc.bigInt(50n, 3_000n), { nil: undefined, freq: 3 });
const none = fc.constant(undefined);
const windows = (microUsd: typeof cap, tokens: typeof cap) =>
  fc.record({ daily: fc.record({ microUsd, tokens }), monthly: fc.record({ microUsd, tokens }) });
/** As often as not of one unit alone. */
const limits = fc
  .oneof({ weight: 2, arbitrary: windows(cap, cap) }, windows(cap, none), windows(none, cap))
  .map(({ daily, monthly }): Limit[] => [
    { kind: 'daily' as const, ...daily },
    { kind: 'monthly' as const, ...monthly },
  ])
  .map((both) => both.filter(({ microUsd, tokens }) => microUsd !== undefined || tokens !== undefined));
const steps = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      ...{ do: fc.constant('call' as const), which, who, size: fc.integer({ min: 1, max: 400 }), fate, soft },
      isFree: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('stream' as const), which, at: fc.nat(), amount: fc.bigInt(1n, 400n) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('settle' as const), which, at: fc.nat() }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('beat' as const), which, fate }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(100, 1_000, 16_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('midnight' as const), days: fc.constantFrom(1, 3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('overcharge' as const), which, at: fc.nat(), amount: fc.bigInt(1n, 100n) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('expire' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stop' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('limit' as const), account, limits }) },
);
type Step = typeof steps extends fc.Arbitrary<infer T> ? T : never;
const history = fc.record({
  limits: fc.array(limits, { minLength: accounts.length, maxLength: accounts.length }),
  steps: fc.array(steps, { minLength: 10, maxLength: 80 }),
});

interface World {
  readonly ledger: Ledger;
  readonly books: LedgerModel;
  /** Lets time pass for the ledger and for the replicas. */
  readonly pass: (ms: number) => Promise<void>;
  readonly look: () => Promise<void>;
}

async function live({ limits: given, steps: taken }: { limits: Limit[][]; steps: Step[] }, world: World): Promise<Fleet> {
  const fleet = new Fleet(3, world.ledger, world.books);
  for (const [at, name] of accounts.entries()) fleet.limit(name, given[at] ?? []);
  for (const step of taken) {
    await take(fleet, world, step);
    fleet.check();
    await world.look();
  }
  await fleet.end(() => world.pass((silence + 1) * 1_000));
  await world.look();
  return fleet;
}

/** Where the dear call goes no further into its budget, a cheaper one takes its place. */
async function call(
  fleet: Fleet,
  { which: at, who: caller, size, fate: meets, soft: share, isFree }: Extract<Step, { do: 'call' }>,
): Promise<void> {
  const ladder = ladderOf(size, Math.ceil(size / 2));
  const served = await fleet.call(at, caller, isFree ? withoutPrice(ladder) : ladder, meets, share);
  if (!served && share?.rest === 'kept') await fleet.call(at, caller, ladderOf(Math.ceil(size / 5)), meets);
}

async function take(fleet: Fleet, { pass }: World, step: Step): Promise<void> {
  if (step.do === 'call') await call(fleet, step);
  else if (step.do === 'stream') fleet.stream(step.which, step.at, step.amount);
  else if (step.do === 'settle') fleet.settle(step.which, step.at);
  else if (step.do === 'beat') await fleet.beat(step.which, step.fate);
  else if (step.do === 'wait') await pass(step.ms);
  else if (step.do === 'midnight') await pass(step.days * day);
  else if (step.do === 'overcharge') fleet.overcharge(step.which, step.at, step.amount);
  else if (step.do === 'cut') fleet.cut(step.which);
  else if (step.do === 'expire') await fleet.expire();
  else if (step.do === 'crash') fleet.crash(step.which);
  else if (step.do === 'stop') await fleet.stop(step.which);
  else fleet.limit(step.account, step.limits);
}

test(
  'whatever is lost, cut off, killed or changed: no limit of a tenant, an agent, an API key or a user is overspent, nothing is lost or billed twice',
  { timeout: 120_000 },
  async () => {
    const seen = { crashes: 0, tenant: 0, agent: 0, key: 0, user: 0 };
    await fc.assert(
      fc.asyncProperty(history, async (given) => {
        const books = new LedgerModel(noon);
        const pass = (ms: number) => {
          books.now += ms;
          return Promise.resolve();
        };
        const { crashes, refusals } = await live(given, { ledger: books, books, pass, look: () => Promise.resolve() });
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
  const taken = fc.array(
    steps.filter((step) => step.do !== 'limit' && step.do !== 'overcharge'),
    { minLength: 10, maxLength: 60 },
  );
  let refusals = 0;
  await fc.assert(
    fc.asyncProperty(caps, taken, who, fc.integer({ min: 1, max: 400 }), async ([own, shares], before, asking, need) => {
      const books = new LedgerModel(noon);
      const fleet = new Fleet(3, books, books);
      const limited = (cap: typeof own): Limit[] => [
        { kind: 'daily', microUsd: cap?.daily, tokens: undefined },
        { kind: 'monthly', microUsd: cap?.monthly, tokens: undefined },
      ];
      for (const name of accounts) fleet.limit(name, limited(name.includes('/') ? shares : own));
      const pass = (ms: number) => Promise.resolve(void (books.now += ms));
      for (const step of before) await take(fleet, { ledger: books, books, pass, look: () => Promise.resolve() }, step);
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
  // A limit that is set back before anybody calls is no change to its replica: those of the month are all different.
  const limitsAt = (turn: number, daily: bigint): Limit[] => [
    { kind: 'daily', microUsd: daily, tokens: daily },
    { kind: 'monthly', microUsd: 100_000n + BigInt(turn), tokens: undefined },
  ];
  const others = new Set<Step['do']>(['stream', 'settle', 'beat', 'overcharge', 'cut']);
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        ...{ do: fc.constant('call' as const), which, fate, soft, isFree: fc.boolean(), size: fc.integer({ min: 1, max: 40 }) },
        who: fc.constant({ tenant: 'a' as const, agent: '' as const, caller: '' as const }),
      }),
    },
    { weight: 2, arbitrary: fc.bigInt(50n, 1_000n) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(100, 1_000) }) },
    { weight: 6, arbitrary: steps.filter((one) => others.has(one.do)) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (taken) => {
      const books = new LedgerModel(noon);
      const pass = (ms: number) => Promise.resolve(void (books.now += ms));
      const changing = taken.map((one, turn): Step =>
        typeof one === 'bigint' ? { do: 'limit', account: 'a', limits: limitsAt(turn, one) } : one,
      );
      const world = { ledger: books, books, pass, look: () => Promise.resolve() };
      await live({ limits: [limitsAt(-1, 1_000n)], steps: changing }, world);
    }),
    { numRuns: 3_000 },
  );
});

const amounts = z.object({ microUsd: z.coerce.bigint(), tokens: z.coerce.bigint() });
const windowRow = z.object({ key: z.string(), settled: amounts, reserved: amounts, overrun: amounts, forfeited: amounts });
const pair = (name: string) => `jsonb_build_object('microUsd', ${name}_micro_usd::text, 'tokens', ${name}_tokens::text) as ${name}`;
const windowsQuery = `select tenant_uid || ' ' || kind || ' ' || starts_on as key, ${['settled', 'reserved', 'overrun', 'forfeited'].map(pair).join(', ')}
  from cloister_egress.budget_window`;

test('Postgres keeps the same books as the rules', { timeout: 120_000 }, async () => {
  await using sql = await pglite();
  await migrate(sql);
  await sql.script(`create table cloister_egress.test_clock (at timestamptz);
    create or replace function cloister_egress.clock() returns timestamptz language sql stable as $$ select at from cloister_egress.test_clock $$`);
  await fc.assert(
    fc.asyncProperty(history, async (given) => {
      await sql.script(`truncate cloister_egress.budget_window, cloister_egress.usage, cloister_egress.caller_usage, cloister_egress.replica, cloister_egress.lease,
        cloister_egress.test_clock; insert into cloister_egress.test_clock values ('${new Date(noon).toISOString()}')`);
      const books = new LedgerModel(noon);
      await live(given, {
        ledger: both(ledger(sql), books),
        books,
        pass: (ms) => passBoth(sql, books, ms),
        look: () => compare(sql, books),
      });
    }),
    { numRuns: 40 },
  );
});

/** Tells both, and insists that they answer alike. */
const both = (real: Ledger, model: LedgerModel): Ledger => ({
  exchange: async (message: Message) => {
    const [answer, expected] = [await real.exchange(message), await model.exchange(message)];
    expect(inOrder(answer)).toEqual(inOrder(expected));
    return answer;
  },
  expireSilent: async (seconds) => {
    await model.expireSilent(seconds);
    return real.expireSilent(seconds);
  },
});

const inOrder = (answer: Answer) =>
  answer === 'forgotten' ? answer : { ...answer, leases: answer.leases.toSorted(byKey), present: answer.present.toSorted(byKey) };
type Key = Parameters<typeof keyOf>[0];
const byKey = (one: Key, other: Key) => (keyOf(one) < keyOf(other) ? -1 : 1);
const keyOf = ({ tenantUid, day: start }: { tenantUid: string; day: string }) => `${tenantUid} ${start}`;

async function passBoth(sql: Sql, books: LedgerModel, ms: number): Promise<void> {
  books.now += ms;
  await sql.query('update cloister_egress.test_clock set at = $1', [new Date(books.now).toISOString()]);
}

async function compare(sql: Sql, books: LedgerModel): Promise<void> {
  const rows = z.array(windowRow).parse(await sql.query(windowsQuery, []));
  const found = new Map(rows.map(({ key, ...window }) => [key, window]));
  expect(found).toEqual(books.windows);
}
