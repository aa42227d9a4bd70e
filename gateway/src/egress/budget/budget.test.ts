import { createLogger } from '@cloister/telemetry';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { budget } from './budget.ts';
import type { Answer, Ask, Call, Ledger, Settlement } from './ledger.ts';
import { priceOf } from './money.ts';
import { SettleQueue } from './settle-queue.ts';

class LedgerDouble implements Ledger {
  readonly batches: (readonly Ask[])[] = [];
  readonly settled: Settlement[] = [];
  answer: () => Answer = () => ({ granted: 100 });
  problem: Error | undefined;

  async reserve(_tenant: unknown, asks: readonly Ask[]): Promise<Answer[]> {
    this.batches.push(asks);
    await sleep(5);
    if (this.problem !== undefined) throw this.problem;
    return asks.map(() => this.answer());
  }
  async settle(settlements: readonly Settlement[]): Promise<void> {
    await sleep(5);
    if (this.problem !== undefined) throw this.problem;
    this.settled.push(...settlements);
  }
  foldExpired = () => Promise.resolve(0);
}

const log = createLogger({ name: 'egress', level: 'fatal' });
const worst = { inputTokens: 10, outputTokens: 100, named: true, price: priceOf({ inputPerMillion: 1, outputPerMillion: 1 }) };
const limited = { timeZone: 'UTC', daily: { usd: 1 } };
let calls = 0;
const callOf = (): Call => ({ id: String(++calls), tenantUid: 'u', tenant: 't', agent: 'a', model: 'p/m', timeZone: 'UTC' });
function setUp() {
  const ledger = new LedgerDouble();
  const queue = new SettleQueue(ledger, log);
  const of = budget(ledger, queue);
  return { ledger, queue, reserve: (limits: Parameters<typeof of.reserve>[1] = limited) => of.reserve(callOf(), limits, worst, 60) };
}
const used = { inputTokens: 1, outputTokens: 2 };

describe('a reservation', () => {
  test('costs a tenant without limits no way to the database, and its use is recorded all the same', async () => {
    const { ledger, queue, reserve } = setUp();
    const reservation = await reserve({ timeZone: 'UTC' });
    expect([ledger.batches.length, reservation.outputTokens]).toEqual([0, 100]);
    reservation.settle(used);
    await queue.flushed();
    expect(ledger.settled).toMatchObject([{ reserved: false, inputTokens: 1, outputTokens: 2, microUsd: 3n }]);
  });

  test('of many calls at once is made in a few transactions', async () => {
    const { ledger, reserve } = setUp();
    await Promise.all(Array.from({ length: 250 }, () => reserve()));
    expect(ledger.batches.map((batch) => batch.length)).toEqual([1, 100, 100, 49]);
  });

  test('is refused with the time at which the budget renews', async () => {
    const { ledger, reserve } = setUp();
    const refused = { window: 'daily', unit: 'money', spent: true, renewsAt: '2026-11-24T00:00:00Z', renewsInSeconds: 77 } as const;
    ledger.answer = () => ({ refused });
    await expect(reserve()).rejects.toMatchObject({
      code: 'budget_exceeded',
      message: 'the daily budget of money is spent; it renews at 2026-11-24T00:00:00Z',
      headers: { 'retry-after': '77' },
    });
    ledger.answer = () => ({ refused: { ...refused, spent: false } });
    await expect(reserve()).rejects.toMatchObject({ code: 'budget_reserved', headers: { 'retry-after': '5' } });
  });

  test('is not refused for the sake of what has ended and is only waiting to be settled', async () => {
    const { ledger, reserve } = setUp();
    const first = await reserve();
    const refused = { window: 'daily', unit: 'money', spent: false, renewsAt: '', renewsInSeconds: 77 } as const;
    ledger.answer = () => (ledger.settled.length > 0 ? { granted: 7 } : { refused });
    first.settle(used);
    expect((await reserve()).outputTokens).toBe(7);
  });

  test('that the ledger cannot make is refused, and given back in case it was made', async () => {
    const { ledger, queue, reserve } = setUp();
    ledger.problem = new Error('connection lost');
    await expect(reserve()).rejects.toMatchObject({ code: 'budget_unavailable', kind: { status: 503 } });
    ledger.problem = undefined;
    await queue.flushed();
    expect(ledger.settled).toMatchObject([{ reserved: true, inputTokens: 0, outputTokens: 0, microUsd: 0n }]);
  });
});

describe('settling', () => {
  test('happens once, whoever says so again', async () => {
    const { ledger, queue, reserve } = setUp();
    const reservation = await reserve();
    expect([reservation.settle(used), reservation.settle({ inputTokens: 9, outputTokens: 9 })]).toEqual([3n, 3n]);
    await queue.flushed();
    expect(ledger.settled).toHaveLength(1);
  });

  test('waits for a ledger that is away, and forgets nothing', async () => {
    const { ledger, queue, reserve } = setUp();
    const reservation = await reserve();
    ledger.problem = new Error('away');
    reservation.settle(used);
    await sleep(80);
    expect(queue.size).toBe(1);
    ledger.problem = undefined;
    await vi.waitFor(() => expect(ledger.settled).toHaveLength(1));
    expect(queue.size).toBe(0);
  });

  test('is not held up by one call that the ledger will never take', async () => {
    const { ledger, queue, reserve } = setUp();
    const [one, two] = await Promise.all([reserve(), reserve()]);
    const settle = ledger.settle.bind(ledger);
    ledger.settle = (batch) =>
      batch.some(({ inputTokens }) => inputTokens === 666)
        ? Promise.reject(Object.assign(new Error('out of range'), { code: '22003' }))
        : settle(batch);
    one.settle({ inputTokens: 666, outputTokens: 0 });
    two.settle(used);
    await queue.flushed();
    expect(ledger.settled).toMatchObject([used]);
  });
});
