/** The ledger on a real Postgres, under the contention that an in-process one cannot show. Needs CLOISTER_TEST_POSTGRES_URL. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { ledger, type Answer, type Ask, type Budgeted, type Call, type Ledger } from './ledger.ts';
import { migrate } from './migrate.ts';
import { together } from './reserve-together.ts';
import { testDatabase, type TestDatabase } from './sql/test-database.fixture.ts';
import { postgres, type Postgres } from './sql/postgres.ts';

let database: TestDatabase;
const replicas: Postgres[] = [];
beforeAll(async () => {
  database = await testDatabase();
  const { url } = database;
  replicas.push(...Array.from({ length: 3 }, () => postgres(url, () => undefined)));
  await Promise.all(replicas.map((replica) => migrate(replica)));
  books.push(...replicas.map(ledger).map((of) => ({ reserve: together(of), ledger: of })));
});
afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.close()));
  await database.drop();
});

const callOf = (tenantUid: string): Call => ({ id: randomUUID(), tenantUid, tenant: 't', agent: 'x', model: 'p/m', timeZone: 'UTC' });
const rung = (amount: number) => ({ outputTokens: amount, tokens: amount, microUsd: BigInt(amount), headroom: 1 });
interface Books {
  readonly reserve: (tenant: Budgeted, ask: Ask) => Promise<Answer>;
  readonly ledger: Ledger;
}
const books: Books[] = [];
const booksOf = (turn: number): Books => {
  const found = books[turn % books.length];
  if (!found) throw new Error('no replica');
  return found;
};
const settlement = (call: Call, used: number) => ({ call, reserved: true, inputTokens: 0, outputTokens: used, microUsd: BigInt(used) });

const row = z.object({ settled: z.number(), reserved: z.number() });
async function standing(tenantUid: string) {
  const text = `select settled_micro_usd::int as settled, reserved_micro_usd::int as reserved from cloister_egress.budget_window
    where tenant_uid = $1 and kind = 'daily'`;
  return row.parse((await replicas[0]?.query(text, [tenantUid]))?.[0]);
}
const granted = (answer: Answer): number => ('granted' in answer ? answer.granted : 0);

test('a thousand calls at once over three replicas spend no more than the limit, and no less than fits', { timeout: 60_000 }, async () => {
  const tenantUid = randomUUID();
  const limits = [{ kind: 'daily' as const, microUsd: 5_000n, tokens: undefined }];
  const calls = Array.from({ length: 1000 }, () => callOf(tenantUid));
  const answers = await Promise.all(
    calls.map((call, turn) => booksOf(turn).reserve({ ...call, limits }, { call, rungs: [rung(10)], seconds: 60 })),
  );
  expect(answers.reduce((sum, answer) => sum + granted(answer), 0)).toBe(5_000);
  expect(await standing(tenantUid)).toEqual({ settled: 0, reserved: 5_000 });
});

test(
  'reserving, settling in batches and folding of many tenants at once never block each other for good',
  { timeout: 60_000 },
  async () => {
    const tenants = Array.from({ length: 5 }, () => randomUUID());
    const limits = [
      { kind: 'daily' as const, microUsd: 2_000n, tokens: undefined },
      { kind: 'monthly' as const, microUsd: undefined, tokens: 3_000 },
    ];
    const spent = new Map<string, number>();
    const work = async (worker: number) => {
      for (let turn = 0; turn < 20; turn++) {
        const calls = tenants.map(callOf).sort(() => Math.random() - 0.5);
        const answers = await Promise.all(
          calls.map((call) => booksOf(worker).reserve({ ...call, limits }, { call, rungs: [rung(20), rung(5)], seconds: 60 })),
        );
        const ended = calls.flatMap((call, at) => {
          const amount = granted(answers[at] ?? { granted: 0 });
          if (amount === 0) return [];
          const used = Math.ceil(amount / 2);
          spent.set(call.tenantUid, (spent.get(call.tenantUid) ?? 0) + used);
          return [settlement(call, used)];
        });
        await booksOf(worker + 1).ledger.settle(ended);
        if (turn % 5 === 0) await booksOf(worker).ledger.foldExpired();
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, worker) => work(worker)));
    for (const tenant of tenants) expect(await standing(tenant)).toEqual({ settled: spent.get(tenant), reserved: 0 });
  },
);

test('calls of a gateway that died are folded once, however many replicas look', async () => {
  const tenantUid = randomUUID();
  const limits = [{ kind: 'daily' as const, microUsd: 100n, tokens: undefined }];
  const call = callOf(tenantUid);
  const asks = Array.from({ length: 10 }, () => ({ call: callOf(tenantUid), rungs: [rung(10)], seconds: -1 }));
  await booksOf(0).ledger.reserve({ ...call, limits }, asks);
  await Promise.all(Array.from({ length: 9 }, (_, turn) => booksOf(turn).ledger.foldExpired()));
  expect(await standing(tenantUid)).toEqual({ settled: 100, reserved: 0 });
});
