/** Debts on a real Postgres, where replicas open windows and settle those before them at the same moment. Needs CLOISTER_TEST_POSTGRES_URL. */
import { createLogger } from '@cloister/telemetry';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { LeasedBudget } from './budget.ts';
import { ledger, type Message } from './ledger.ts';
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

test(
  'whoever opens a window, and whoever settles the one before at that moment, it begins with what is owed',
  { timeout: 120_000 },
  async () => {
    await migrate(sql);
    const accounts = Array.from({ length: 12 }, (_, at) => `debtor-${String(at).padStart(2, '0')}`);
    const limits = [{ kind: 'daily' as const, microUsd: 90n, tokens: undefined }];
    const replicas = [0, 1, 2, 3].map(() => speaker(() => ledger(sql)));
    const failures: string[] = [];
    const billed = new Map<string, bigint[]>();
    const shuffled = <T>(items: readonly T[]): T[] => items.toSorted(() => Math.random() - 0.5);
    const dayAt = (turn: number) => ({ day: `2026-11-${String(turn + 1).padStart(2, '0')}`, month: '2026-11-01' });
    for (let turn = 0; turn < 25; turn++) {
      await setClockOf(sql, `${dayAt(turn).day}T00:00:01Z`);
      const messages = replicas.map(({ message }): Message => {
        const late = turn === 0 ? [] : accounts.filter(() => Math.random() < 0.7);
        const used = late.map((tenantUid) => {
          const overrun = BigInt(Math.floor(Math.random() * 60));
          const bills = billed.getOrInsertComputed(tenantUid, () => Array.from({ length: 25 }, () => 0n));
          bills[turn - 1] = (bills[turn - 1] ?? 0n) + 10n + overrun;
          return usage(10 + Number(overrun), {
            ...dayAt(turn - 1),
            tenantUid,
            tenantLeased: false,
            overrunMicroUsd: overrun,
            overrunTokens: overrun,
          });
        });
        const asks = accounts
          .filter(() => turn === 0 || Math.random() < 0.5)
          .map((tenantUid) => ask(1n, { tenantUid, limits, want: { microUsd: 1n, tokens: 0n } }));
        return message({ usage: shuffled(used), asks: shuffled(asks) });
      });
      // All windows are asked under a limit, so that all of them pay.
      const met = await Promise.all(messages.map((said) => insist(() => ledger(sql).exchange(said))));
      failures.push(...met.flat());
      const rest = replicas[0]?.message({
        asks: accounts.map((tenantUid) => ask(1n, { tenantUid, limits, want: { microUsd: 1n, tokens: 0n } })),
      });
      if (rest) await ledger(sql).exchange(rest);
    }
    expect(
      failures.filter((code) => code !== '55P03'),
      'nobody waits in a circle',
    ).toEqual([]);
    const rows = z.array(z.object({ account: z.string(), day: z.number(), debt: z.coerce.bigint() })).parse(
      await sql.query(
        `select tenant_uid as account, extract(day from starts_on)::int as day, debt_micro_usd::text as debt
         from cloister_egress.budget_window where tenant_uid like 'debtor-%' and kind = 'daily' order by 1, 2`,
        [],
      ),
    );
    expect(rows).toHaveLength(25 * accounts.length);
    const owed = new Map<string, bigint>();
    for (const { account, day, debt } of rows) {
      expect([account, day, debt]).toEqual([account, day, owed.get(account) ?? 0n]);
      const left = debt + (billed.get(account)?.[day - 1] ?? 0n) - 90n;
      owed.set(account, left > 0n ? left : 0n);
    }
    expect(rows.filter(({ debt }) => debt > 0n).length).toBeGreaterThan(100);
  },
);
