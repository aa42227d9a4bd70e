import { randomUUID } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ledger, type Answer, type Call, type Ledger, type Limit } from './ledger.ts';
import type { Rung } from './ask.ts';
import { migrate } from './migrate.ts';
import { pglite } from './sql/pglite.fixture.ts';
import type { Sql } from './sql/sql.ts';

let sql: Sql;
let books: Ledger;
beforeAll(async () => {
  const database = await pglite();
  sql = database;
  await migrate(sql);
  books = ledger(sql);
  return () => database[Symbol.asyncDispose]();
}, 60_000);
beforeEach(async () => {
  await sql.script('truncate cloister_egress.budget_window, cloister_egress.reservation, cloister_egress.usage');
  await setClock('2026-11-22T12:00:00Z');
});

const callOf = (changes: Partial<Call> = {}): Call => ({
  id: randomUUID(),
  tenantUid: 'uid-acme',
  tenant: 'acme',
  agent: 'support',
  model: 'openai/gpt-5',
  timeZone: 'UTC',
  ...changes,
});
const usd = (daily: bigint, monthly?: bigint): Limit[] => [
  { kind: 'daily', microUsd: daily, tokens: undefined },
  ...(monthly === undefined ? [] : [{ kind: 'monthly' as const, microUsd: monthly, tokens: undefined }]),
];
/** One token costs one micro-dollar. */
const rung = (tokens: number, headroom = 1) => ({ outputTokens: tokens, tokens, microUsd: BigInt(tokens), headroom });
async function reserveRungs(limits: readonly Limit[], rungs: readonly Rung[], call = callOf(), seconds = 60): Promise<Answer | undefined> {
  const [answer] = await books.reserve({ ...call, limits }, [{ call, rungs, seconds }]);
  return answer;
}
const reserve = (limits: readonly Limit[], tokens: number, call?: Call, seconds?: number) =>
  reserveRungs(limits, [rung(tokens)], call, seconds);
const settle = (call: Call, tokens: number, reserved = true) =>
  books.settle([{ call, reserved, inputTokens: 0, outputTokens: tokens, microUsd: BigInt(tokens) }]);
const setClock = (time: string) =>
  sql.script(
    `create or replace function cloister_egress.clock() returns timestamptz language sql stable as $$ select timestamptz '${time}' $$`,
  );
const windows = () =>
  sql.query(
    `select kind, starts_on::text, settled_micro_usd::int as settled, reserved_micro_usd::int as reserved, overrun_micro_usd::int as overrun
     from cloister_egress.budget_window order by tenant_uid, kind, starts_on`,
    [],
  );
const usage = () => sql.query('select requests::int, output_tokens::int, micro_usd::int from cloister_egress.usage', []);

test('the schema can be migrated by many replicas at once, and again', async () => {
  await Promise.all([migrate(sql), migrate(sql), migrate(sql)]);
});

describe('a reservation', () => {
  test('is refused when it does not fit what is left, and the refusal says what renews when', async () => {
    await setClock('2026-11-22T22:00:00Z');
    expect(await reserve(usd(100n), 60)).toEqual({ granted: 60 });
    await settle(callOf(), 0, false);
    expect(await reserve(usd(100n), 41)).toEqual({
      refused: { window: 'daily', unit: 'money', spent: false, renewsAt: '2026-11-23T00:00:00Z', renewsInSeconds: 7200 },
    });
    expect(await reserve(usd(100n), 40)).toEqual({ granted: 40 });
  });

  test('is made in all windows or in none', async () => {
    expect(await reserve(usd(1000n, 10n), 11)).toMatchObject({ refused: { window: 'monthly', spent: true } });
    expect(await windows()).toMatchObject([{ reserved: 0 }, { reserved: 0 }]);
  });

  test('of tokens is limited like one of money', async () => {
    const limits: Limit[] = [{ kind: 'monthly', microUsd: undefined, tokens: 10 }];
    expect(await reserve(limits, 10)).toEqual({ granted: 10 });
    expect(await reserve(limits, 1)).toMatchObject({ refused: { window: 'monthly', unit: 'tokens', spent: false } });
  });

  test('takes the dearest rung that fits, and a rung with headroom only where that many times as much is free', async () => {
    const rungs = [rung(200), rung(30, 4), rung(25, 4), rung(5)];
    expect(await reserveRungs(usd(79n), rungs)).toEqual({ granted: 5 });
    expect(await reserveRungs(usd(105n), rungs)).toEqual({ granted: 25 });
    expect(await reserveRungs(usd(230n), rungs)).toEqual({ granted: 200 });
  });

  test('of several calls at once serves the earlier first', async () => {
    const asks = [60, 60, 30].map((tokens) => ({ call: callOf(), rungs: [rung(tokens)], seconds: 60 }));
    const answers = await books.reserve({ ...callOf(), limits: usd(100n) }, asks);
    expect(answers).toMatchObject([{ granted: 60 }, { refused: { window: 'daily' } }, { granted: 30 }]);
  });

  test('leaves other tenants their budget', async () => {
    await reserve(usd(100n), 100);
    expect(await reserve(usd(100n), 100, callOf({ tenantUid: 'uid-bravo', tenant: 'bravo' }))).toEqual({ granted: 100 });
  });
});

describe('settling', () => {
  test('counts what was used and frees the rest', async () => {
    const call = callOf();
    await reserve(usd(100n), 100, call);
    await settle(call, 30);
    expect(await windows()).toMatchObject([
      { kind: 'daily', settled: 30, reserved: 0 },
      { kind: 'monthly', settled: 30, reserved: 0 },
    ]);
    expect(await usage()).toEqual([{ requests: 1, output_tokens: 30, micro_usd: 30 }]);
    expect(await reserve(usd(100n), 70)).toEqual({ granted: 70 });
  });

  test('twice counts once, with and without a reservation', async () => {
    const [reserved, unreserved] = [callOf(), callOf()];
    await reserve(usd(100n), 10, reserved);
    for (let turn = 0; turn < 2; turn++) {
      await settle(reserved, 10);
      await settle(unreserved, 5, false);
    }
    expect(await usage()).toEqual([{ requests: 2, output_tokens: 15, micro_usd: 15 }]);
  });

  test('more than was reserved keeps the excess apart, and it lessens what is left', async () => {
    const call = callOf();
    await reserve(usd(100n), 10, call);
    await settle(call, 25);
    expect(await windows()).toMatchObject([
      { settled: 10, overrun: 15 },
      { settled: 10, overrun: 15 },
    ]);
    expect(await reserve(usd(100n), 76)).toMatchObject({ refused: { spent: true } });
  });

  test('without a reservation counts for a limit that is set later', async () => {
    await settle(callOf(), 95, false);
    expect(await reserve(usd(100n), 6)).toMatchObject({ refused: { spent: true } });
  });
});

describe('a gateway that dies', () => {
  test('has its calls counted in full once they expire, once', async () => {
    await reserve(usd(100n), 60, callOf(), -1);
    expect([await books.foldExpired(), await books.foldExpired()]).toEqual([1, 0]);
    expect(await windows()).toMatchObject([
      { settled: 60, reserved: 0 },
      { settled: 60, reserved: 0 },
    ]);
    expect(await usage()).toEqual([{ requests: 1, output_tokens: 60, micro_usd: 60 }]);
  });

  test('but was only slow gets the difference back when it settles after all', async () => {
    const call = callOf();
    await reserve(usd(100n), 60, call, -1);
    await books.foldExpired();
    await settle(call, 20);
    expect(await windows()).toMatchObject([
      { settled: 20, reserved: 0, overrun: 0 },
      { settled: 20, reserved: 0, overrun: 0 },
    ]);
    expect(await usage()).toEqual([{ requests: 1, output_tokens: 20, micro_usd: 20 }]);
  });
});

describe('a window', () => {
  test('begins at midnight of the tenant’s time zone', async () => {
    await setClock('2026-11-22T23:30:00Z');
    expect(await reserve(usd(100n), 100, callOf({ timeZone: 'Europe/Berlin' }))).toEqual({ granted: 100 });
    expect(await windows()).toMatchObject([{ starts_on: '2026-11-23' }, { starts_on: '2026-11-01' }]);
    await setClock('2026-11-23T22:59:59Z');
    expect(await reserve(usd(100n), 1, callOf({ timeZone: 'Europe/Berlin' }))).toMatchObject({ refused: { renewsInSeconds: 1 } });
    await setClock('2026-11-23T23:00:00Z');
    expect(await reserve(usd(100n), 1, callOf({ timeZone: 'Europe/Berlin' }))).toEqual({ granted: 1 });
  });

  test('bills a call to the day on which it was reserved', async () => {
    const call = callOf();
    await setClock('2026-11-30T23:59:00Z');
    await reserve(usd(100n), 10, call);
    await setClock('2026-12-01T00:01:00Z');
    await settle(call, 7);
    expect(await windows()).toMatchObject([
      { starts_on: '2026-11-30', settled: 7 },
      { starts_on: '2026-11-01', settled: 7 },
    ]);
  });
});
