/** Debts on a real Postgres, where replicas open windows and settle those before them at the same moment. Needs CLOISTER_TEST_POSTGRES_URL. */
import { createLogger } from '@cloister/telemetry';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { LeasedBudget } from './budget.ts';
import { ledger } from './ledger.ts';
import { migrate } from './migrate.ts';
import { priceOf } from './money.ts';
import { ask, setClockOf, speaker, usage } from './speaker.fixture.ts';
import { postgres, type Postgres } from './sql/postgres.ts';
import { testDatabase, type TestDatabase } from './sql/test-database.fixture.ts';

let database: TestDatabase;
let sql: Postgres;
beforeAll(async () => {
  database = await testDatabase();
  sql = postgres(database.url, () => undefined);
}, 60_000);
afterAll(async () => {
  await sql.close();
  await database.drop();
});

const count = z.tuple([z.object({ n: z.number() })]);
const failure = z.object({ code: z.string() });
/** Says it until it is answered, as `Conversation` does; gives why it was not. */
async function insist(say: () => Promise<unknown>): Promise<string[]> {
  const failures: string[] = [];
  for (let turn = 0; turn < 100; turn++) {
    try {
      await say();
      return failures;
    } catch (error) {
      failures.push(failure.parse(error).code);
    }
  }
  throw new Error(`in vain: ${failures.join()}`);
}

test('calls go on while the ledger is migrated, and all that they cost is counted', { timeout: 60_000 }, async () => {
  await migrate(sql, 8);
  const price = priceOf({ inputPerMillion: 1, outputPerMillion: 1 });
  const tenants = Array.from({ length: 20 }, () => randomUUID());
  const members = [0, 1, 2].map(() => new LeasedBudget(ledger(sql), { log: createLogger({ name: 'egress', level: 'fatal' }) }));
  const work = { calls: 0, isDone: false };
  const calling = members.flatMap((budget) =>
    tenants.map(async (tenantUid) => {
      while (!work.isDone) {
        const call = { tenantUid, tenant: 't', agent: 'x', caller: 'user:u', model: 'p/m', timeZone: 'UTC' };
        const reservation = await budget.reserve(
          call,
          { timeZone: 'UTC', daily: { usd: 1 } },
          { inputTokens: 0, outputTokens: 100, named: true, price },
        );
        await new Promise((resolve) => setTimeout(resolve, 5));
        reservation.settle({ inputTokens: 0, outputTokens: 10 });
        work.calls++;
      }
    }),
  );
  await expect.poll(() => work.calls, { timeout: 10_000 }).toBeGreaterThan(200);
  await Promise.all([migrate(sql), migrate(sql)]);
  const before = work.calls;
  await expect.poll(() => work.calls, { timeout: 10_000 }).toBeGreaterThan(before + 200);
  work.isDone = true;
  await Promise.all(calling);
  await Promise.all(members.map((budget) => budget.close()));
  const sums = `select sum(settled_micro_usd)::int as settled, sum(reserved_micro_usd + overrun_micro_usd + debt_micro_usd)::int as others
    from cloister_egress.budget_window where kind = 'daily' and position('/' in tenant_uid) = 0`;
  expect(await sql.query(sums, [])).toEqual([{ settled: 10 * work.calls, others: 0 }]);
});

/** Of days of November: asks of some accounts on one of them, and tells of others what they used on the day before, and more. */
function saying(accounts: readonly string[], billed: Map<string, bigint[]>) {
  const limits = [{ kind: 'daily' as const, microUsd: 90n, tokens: undefined }];
  const some = (share: number) => accounts.filter(() => Math.random() < share).toSorted(() => Math.random() - 0.5);
  return (day: number, shareOfAsks: number) => {
    const before = { day: dayOf(day - 1), month: '2026-11-01' };
    const used = (day === 1 ? [] : some(0.5)).map((tenantUid) => {
      const overrun = Math.floor(Math.random() * 30);
      const bills = billed.getOrInsertComputed(tenantUid, () => []);
      bills[day - 1] = (bills[day - 1] ?? 0n) + BigInt(5 + overrun);
      const beyond = { overrunMicroUsd: BigInt(overrun), overrunTokens: BigInt(overrun) };
      return usage(5 + overrun, { ...before, ...beyond, tenantUid, tenantLeased: false });
    });
    return { usage: used, asks: some(shareOfAsks).map((tenantUid) => ask(1n, { tenantUid, limits })) };
  };
}
const dayOf = (day: number) => `2026-11-${String(day).padStart(2, '0')}`;

const windows = z.array(z.object({ account: z.string(), day: z.number(), debt: z.coerce.bigint() }));
const windowsQuery = `select tenant_uid as account, extract(day from starts_on)::int as day, debt_micro_usd::text as debt
  from cloister_egress.budget_window where tenant_uid like 'debtor-%' and kind = 'daily' order by 1, 2`;

test(
  'whoever opens a window, and whoever settles the one before at that moment, it begins with what is owed',
  { timeout: 120_000 },
  async () => {
    await migrate(sql);
    const accounts = Array.from({ length: 12 }, (_, at) => `debtor-${at}`);
    const billed = new Map<string, bigint[]>();
    const toSay = saying(accounts, billed);
    const replicas = [0, 1, 2, 3].map(() => speaker(() => ledger(sql)));
    const failures: string[] = [];
    for (let day = 1; day <= 25; day++) {
      await setClockOf(sql, `${dayOf(day)}T00:00:01Z`);
      // In the end all are asked under a limit, so that all pay.
      for (const share of [0.5, 1, 1]) {
        const messages = replicas.map(({ message }) => message(toSay(day, share)));
        failures.push(...(await Promise.all(messages.map((said) => insist(() => ledger(sql).exchange(said))))).flat());
      }
    }
    expect(
      failures.filter((code) => code !== '55P03'),
      'nobody waits in a circle',
    ).toEqual([]);
    const rows = windows.parse(await sql.query(windowsQuery, []));
    expect(rows).toHaveLength(25 * accounts.length);
    const owed = new Map<string, bigint>();
    for (const { account, day, debt } of rows) {
      expect([account, day, debt]).toEqual([account, day, owed.get(account) ?? 0n]);
      const left = debt + (billed.get(account)?.[day] ?? 0n) - 90n;
      owed.set(account, left > 0n ? left : 0n);
    }
    expect(rows.filter(({ debt }) => debt > 0n).length).toBeGreaterThan(100);
  },
);

test(
  'debts are kept while replicas fall silent, come back, and users’ windows are forgotten, all at once',
  { timeout: 120_000 },
  async () => {
    await migrate(sql);
    const callers = Array.from({ length: 12 }, (_, at) => `user:${at}`);
    const limits = [{ kind: 'daily' as const, microUsd: 90n, tokens: undefined }];
    const asks = () => callers.toSorted(() => Math.random() - 0.5).map((caller) => ask(1n, { tenantUid: `owing/${caller}`, limits }));
    const failures: string[] = [];
    const counts = { forfeits: 0, forgotten: 0 };
    const atOnce = async (...all: (() => Promise<unknown>)[]) => failures.push(...(await Promise.all(all.map(insist))).flat());
    const saying = (message: Parameters<ReturnType<typeof ledger>['exchange']>[0]) => () => ledger(sql).exchange(message);
    const expire = async () => (counts.forfeits += (await ledger(sql).expireSilent(15)).length);
    const forget = async () =>
      (counts.forgotten += count.parse(await sql.query('select cloister_egress.forget_users(92, 1000)::int as n', []))[0].n);
    for (let round = 0; round < 9; round++) {
      const [first, second] = [0, 1].map((days) => new Date(Date.UTC(2027, 0, 1 + 20 * round + days)).toISOString().slice(0, 10));
      const [speakers, others] = [0, 1].map(() => [0, 1, 2].map(() => speaker(() => ledger(sql))));
      await setClockOf(sql, `${first}T12:00:00Z`);
      await atOnce(...(speakers ?? []).map(({ message }) => saying(message({ asks: asks() }))));
      await setClockOf(sql, `${second}T12:00:00Z`);
      const told = { day: first ?? null, month: `${first?.slice(0, 7)}-01`, tenantUid: 'owing', tenantLeased: false, callerLeased: true };
      const used = () =>
        callers.map((caller) => {
          const overrun = Math.floor(Math.random() * 1_500);
          return usage(1 + overrun, { ...told, caller, overrunMicroUsd: BigInt(overrun), overrunTokens: BigInt(overrun) });
        });
      await atOnce(
        ...[expire, expire, forget, forget],
        ...(speakers ?? []).map(({ message }) => saying(message({ usage: used() }))),
        ...(others ?? []).map(({ message }) => saying(message({ asks: asks() }))),
      );
    }
    expect(failures.filter((code) => code !== '55P03')).toEqual([]);
    const wrong = `select w.tenant_uid, w.starts_on from cloister_egress.budget_window w
    cross join lateral cloister_egress.debt_before(w.tenant_uid, w.kind, w.starts_on) d
    where w.tenant_uid like 'owing%' and (w.debt_micro_usd, w.debt_tokens) is distinct from (d.micro_usd, d.tokens)`;
    expect(await sql.query(wrong, []), 'what is stored is what would be derived').toEqual([]);
    const owing = `select count(*)::int as n from cloister_egress.budget_window where tenant_uid like 'owing/%' and debt_micro_usd > 0`;
    expect(count.parse(await sql.query(owing, []))[0].n).toBeGreaterThan(50);
    expect(Math.min(counts.forfeits, counts.forgotten)).toBeGreaterThan(10);
  },
);
