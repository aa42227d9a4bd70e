/**
 * A replica that is forgotten after a week of silence, on a real Postgres, at the moment at which it speaks again or one of its leases is recalled. Who
 * comes first is not left to chance: somebody holds a lock until those who are to wait for it do. Needs CLOISTER_TEST_POSTGRES_URL.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { ledger } from './ledger.ts';
import { migrate } from './migrate.ts';
import { ask, setClockOf, speaker, usage } from './speaker.fixture.ts';
import { postgres, type Postgres } from './sql/postgres.ts';
import { testDatabase, type TestDatabase } from './sql/test-database.fixture.ts';

let database: TestDatabase;
let sql: Postgres;
beforeAll(async () => {
  database = await testDatabase();
  sql = postgres(database.url, () => undefined);
  await migrate(sql);
}, 60_000);
afterAll(async () => {
  await sql.close();
  await database.drop();
});
beforeEach(async () => {
  await sql.script('truncate cloister_egress.budget_window, cloister_egress.replica, cloister_egress.lease, cloister_egress.usage');
});

const books = () => ledger(sql);
const monday = { day: '2026-11-02', month: '2026-11-01' };
const limits = [{ kind: 'monthly' as const, microUsd: 1_000n, tokens: undefined }];
const asking = (tenantUid: string) => ask(200n, { tenantUid, limits });

/** Holds a lease of each account, counted as spent, and was silent for a week since. */
async function gone(...accounts: string[]) {
  await setClockOf(sql, '2026-11-02T12:00:00Z');
  const replica = speaker(books);
  for (const account of accounts) await replica.say({ asks: [asking(account)] }); // one by one, so that they lie in this order
  await setClockOf(sql, '2026-11-02T12:01:00Z');
  expect(await books().expireSilent(15)).toMatchObject([{ replica: replica.id, microUsd: 250n * BigInt(accounts.length) }]);
  await setClockOf(sql, '2026-11-09T12:02:00Z');
  return replica;
}

/** Holds what `text` locks until those who are started, one after the other, all wait. Gives what became of them. */
async function heldUp(text: string, ...started: (() => Promise<unknown>)[]): Promise<PromiseSettledResult<unknown>[]> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query('begin');
  await client.query(text);
  const running: Promise<unknown>[] = [];
  for (const start of started) {
    const one = start();
    one.catch(() => undefined);
    running.push(one);
    await expect.poll(waiting, { timeout: 30_000 }).toBe(running.length);
  }
  await client.query('commit');
  await client.end();
  return Promise.allSettled(running);
}
const count = z.tuple([z.object({ n: z.number() })]);
const waiting = async () => {
  const text = `select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  return count.parse(await sql.query(text, []))[0].n;
};

const standing = (account: string) =>
  sql.query(
    `select settled_micro_usd::int as settled, reserved_micro_usd::int as reserved, forfeited_micro_usd::int as forfeited,
       (select coalesce(sum(micro_usd), 0)::int from cloister_egress.usage u where u.tenant_uid = w.tenant_uid) as usage
     from cloister_egress.budget_window w where tenant_uid = $1 and kind = 'monthly'`,
    [account],
  );
const window = (account: string) => `select from cloister_egress.budget_window where tenant_uid = '${account}' for update`;

test('who speaks while it is being forgotten is told so: what it held is spent once, and what it says besides is not taken', async () => {
  const replica = await gone('a');
  const silent = speaker(books); // whose expiry holds the window of both
  await silent.say({ asks: [asking('a')] });
  await setClockOf(sql, '2026-11-09T12:03:00Z');
  const told = replica.message({ usage: [usage(30, { tenantUid: 'a', ...monday })] });
  const outcomes = await heldUp(
    window('a'),
    () => books().expireSilent(15),
    () => books().exchange(told),
  );
  expect(outcomes).toMatchObject([{ value: [{ replica: silent.id, microUsd: 200n }] }, { value: 'forgotten' }]);
  expect(await books().exchange(told), 'and whenever it says so again').toBe('forgotten');
  expect(await standing('a')).toEqual([{ settled: 450, reserved: 0, forfeited: 450, usage: 0 }]);
});

test('who speaks before it is forgotten has back what it held, and nobody waits for that', async () => {
  const replica = await gone('a');
  const told = replica.message({ usage: [usage(30, { tenantUid: 'a', ...monday })] });
  const outcomes = await heldUp(
    window('a'),
    () => books().exchange(told),
    async () => {
      await books().expireSilent(15);
      return books().exchange({ ...told, replica: randomUUID(), number: 1 }); // waits for the window
    },
  );
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
  expect(outcomes[0]).toMatchObject({ value: { leases: [{ amount: { microUsd: 220n } }] } });
  expect(await standing('a')).toEqual([{ settled: 60, reserved: 220, forfeited: 0, usage: 60 }]);
});

test(
  'leases are recalled while they are forgotten: whoever comes upon them in which order, nobody waits in a circle',
  { timeout: 120_000 },
  async () => {
    const accounts = Array.from({ length: 400 }, (_, at) => `account-${String(at).padStart(3, '0')}`);
    const replica = await gone(...accounts.toReversed());
    await sql.script('analyze cloister_egress.lease');
    const asker = speaker(books);
    const asked = asker.message({ asks: accounts.map(asking) });
    const outcomes = await heldUp(
      `select from cloister_egress.lease where tenant_uid = '${accounts[200]}' for update`,
      () => books().expireSilent(15),
      () => books().exchange(asked),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    for (const account of accounts) expect(await standing(account)).toEqual([{ settled: 250, reserved: 200, forfeited: 250, usage: 0 }]);
    expect(await replica.say({})).toBe('forgotten');
  },
);
