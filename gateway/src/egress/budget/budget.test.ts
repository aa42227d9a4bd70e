import { createLogger } from '@cloister/telemetry';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { keptFor } from './account-lease.ts';
import { LeasedBudget, type Reservation } from './budget.ts';
import { LedgerModel } from './ledger-model.fixture.ts';
import type { Answer, Message } from './ledger.ts';
import { priceOf } from './money.ts';

class LedgerDouble extends LedgerModel {
  readonly messages: Message[] = [];
  problem: Error | undefined;
  /** The message is taken, but nobody hears so. */
  losesAnswers = false;

  override async exchange(message: Message): Promise<Answer> {
    this.messages.push(message);
    await sleep(2);
    if (this.problem !== undefined && !this.losesAnswers) throw this.problem;
    const answer = await super.exchange(message);
    if (this.problem !== undefined) throw this.problem;
    return answer;
  }

  get day() {
    return this.windowOf('u', 'daily', '2026-11-22');
  }
}

const log = createLogger({ name: 'egress', level: 'fatal' });
const worst = { inputTokens: 10, outputTokens: 90, named: true, price: priceOf({ inputPerMillion: 1, outputPerMillion: 1 }) };
const limited = (usd: number) => ({ timeZone: 'UTC', daily: { usd } });
const call = { tenantUid: 'u', tenant: 't', agent: 'a', caller: '', model: 'p/m', timeZone: 'UTC' };
const used = { inputTokens: 1, outputTokens: 2 };
const amount = (value: bigint) => ({ microUsd: value, tokens: value });

const open: LeasedBudget[] = [];
const made: Reservation[] = [];
function setUp(ledger = new LedgerDouble(Date.UTC(2026, 10, 22, 22))) {
  const sources: string[] = [];
  const budget = new LeasedBudget(ledger, { log, beatMs: 20, reserved: (from) => sources.push(from) });
  open.push(budget);
  const reserve = async (usd = 0.01, asked = worst) => {
    const reservation = await budget.reserve(call, limited(usd), asked);
    made.push(reservation);
    return reservation;
  };
  return { ledger, budget, sources, reserve };
}
afterEach(async () => {
  for (const reservation of made.splice(0)) reservation.settle(used);
  await Promise.all(open.splice(0).map((budget) => budget.close()));
});

describe('a reservation', () => {
  test('waits for the ledger once, and after that is made in memory while the slice lasts', async () => {
    const { ledger, sources, reserve } = setUp();
    for (let turn = 0; turn < 20; turn++) (await reserve()).settle(used);
    expect(sources).toEqual(['ledger', ...Array.from({ length: 19 }, () => 'memory')]);
    expect(ledger.messages.filter(({ asks }) => asks.length > 0)).toHaveLength(1);
  });

  test('costs a tenant without limits no way to the ledger, and its use is recorded all the same', async () => {
    const { ledger, budget } = setUp();
    const reservation = await budget.reserve(call, { timeZone: 'UTC' }, worst);
    expect([ledger.messages.length, reservation.outputTokens]).toEqual([0, 90]);
    reservation.settle(used);
    await vi.waitFor(() => expect(ledger.day.settled).toEqual(amount(3n)));
    expect(ledger.day.reserved).toEqual(amount(0n));
  });

  test('of many calls at once is made in a few exchanges', async () => {
    const { ledger, reserve } = setUp();
    await Promise.all(Array.from({ length: 250 }, () => reserve(0.05)));
    expect(ledger.messages.filter(({ asks }) => asks.length > 0).length).toBeLessThan(6);
    expect(ledger.day.reserved.microUsd).toBeGreaterThanOrEqual(25_000n);
  });

  test('is refused with the time at which the budget renews', async () => {
    const { reserve } = setUp();
    await expect(reserve(0.000_05)).rejects.toMatchObject({
      code: 'budget_exceeded',
      message: 'the daily budget of money is spent; it renews at 2026-11-23T00:00:00Z',
      headers: { 'retry-after': '7200' },
    });
  });

  test('of a budget that is spent is not asked for again and again', async () => {
    const { ledger, reserve } = setUp();
    const all = await Promise.allSettled(Array.from({ length: 200 }, async (_, turn) => sleep(turn / 10).then(() => reserve(0.000_05))));
    expect(all.every(({ status }) => status === 'rejected')).toBe(true);
    expect(ledger.messages.length).toBeLessThan(10);
  });

  test('that finds the rest in use by other calls waits for a moment before it is refused', async () => {
    const { reserve } = setUp();
    await reserve(0.000_15);
    const started = performance.now();
    await expect(reserve(0.000_15)).rejects.toMatchObject({ code: 'budget_reserved', headers: { 'retry-after': '5' } });
    expect(performance.now() - started).toBeGreaterThan(900);
  });

  test('that waits is made as soon as a call of this replica ends', async () => {
    const { reserve } = setUp();
    const first = await reserve(0.000_15);
    const second = reserve(0.000_15);
    await sleep(30);
    first.settle(used);
    expect((await second).outputTokens).toBe(90);
  });

  test('that waits is made as soon as another replica gives back what is left over', async () => {
    const one = setUp();
    const two = setUp(one.ledger);
    const first = await one.reserve(0.000_15);
    const second = two.reserve(0.000_15);
    await sleep(30);
    first.settle(used);
    expect((await second).outputTokens).toBe(90);
  });

  test('that others are faster than again and again is asked for until it is made: a ledger that answers is not away', async () => {
    const contended = new (class extends LedgerDouble {
      readonly #until = performance.now() + 1_200;
      override exchange(message: Message): Promise<Answer> {
        const need = amount(10n ** 15n);
        const asks = performance.now() < this.#until ? message.asks.map((ask) => ({ ...ask, need })) : message.asks;
        return super.exchange({ ...message, asks });
      }
    })(Date.UTC(2026, 10, 22, 22));
    expect((await setUp(contended).reserve()).outputTokens).toBe(90);
  });

  test('is made all the same where another replica opens windows in its way several times in a row; not where that never ends', async () => {
    const { ledger, reserve } = setUp();
    const overtaken = Object.assign(new Error('could not obtain lock on row'), { code: '55P03' });
    const exchange = vi.spyOn(ledger, 'exchange').mockRejectedValue(overtaken);
    await expect(reserve()).rejects.toMatchObject({ code: 'budget_unavailable' });
    exchange.mockRestore();
    for (let turn = 0; turn < 4; turn++) vi.spyOn(ledger, 'exchange').mockRejectedValueOnce(overtaken);
    expect((await reserve()).outputTokens).toBe(90);
  });

  test('lowers the output to what is left, where that still makes sense', async () => {
    const { reserve } = setUp();
    expect((await reserve(0.000_6, { ...worst, outputTokens: 1_000 })).outputTokens).toBe(500);
  });
});

describe('a ledger that is away', () => {
  test('is not missed while the slice lasts; then calls are refused, and served again when it is back', async () => {
    const { ledger, reserve } = setUp();
    const [first] = await Promise.all([reserve(0.002), reserve(0.002), reserve(0.002)]);
    ledger.problem = new Error('away');
    first.settle(used);
    await reserve(0.002);
    const more = Array.from({ length: 20 }, () => reserve(0.002));
    await expect(Promise.all(more)).rejects.toMatchObject({ code: 'budget_unavailable', kind: { status: 503 } });
    await Promise.allSettled(more);
    ledger.problem = undefined;
    await reserve(0.002);
  });

  test('loses nothing and hears nothing twice, even where it took what it could not confirm', async () => {
    const { ledger, budget, reserve } = setUp();
    const reservation = await reserve();
    Object.assign(ledger, { problem: new Error('connection reset'), losesAnswers: true });
    reservation.settle(used);
    await sleep(80);
    expect(budget.unreported).toBe(1);
    ledger.problem = undefined;
    await vi.waitFor(() => expect(budget.unreported).toBe(0));
    expect(ledger.day.settled).toEqual(amount(3n));
  });

  test('that has forgotten this replica finds another one in its place', async () => {
    const { ledger, reserve } = setUp();
    await reserve();
    ledger.replicas.clear();
    ledger.leases.clear();
    await vi.waitFor(() => expect(ledger.messages.at(-1)?.number).toBeGreaterThan(1));
    await sleep(60);
    await reserve();
    expect(new Set(ledger.messages.map(({ replica }) => replica)).size).toBe(2);
  });

  test('that refuses what it is told does not stand in the way of what comes next', async () => {
    const { ledger, reserve } = setUp();
    const reservation = await reserve();
    ledger.problem = Object.assign(new Error('out of range'), { code: '22003' });
    reservation.settle(used);
    await sleep(60);
    ledger.problem = undefined;
    (await reserve()).settle(used);
    await vi.waitFor(() => expect(ledger.day.settled).toEqual(amount(3n)));
  });
});

describe('settling', () => {
  test('happens once, whoever says so again', async () => {
    const { ledger, budget, reserve } = setUp();
    const reservation = await reserve();
    expect([reservation.settle(used), reservation.settle({ inputTokens: 9, outputTokens: 9 })]).toEqual([3n, 3n]);
    await budget.close();
    expect(ledger.day).toMatchObject({ settled: amount(3n), reserved: amount(0n) });
  });

  test('of usage that no provider can mean takes the most that the ledger can hold', async () => {
    const { ledger, budget, reserve } = setUp();
    (await reserve()).settle({ inputTokens: 0, outputTokens: Number.MAX_SAFE_INTEGER });
    await budget.close();
    expect(ledger.day).toMatchObject({ settled: amount(100n), overrun: amount(10n ** 12n - 100n) });
  });
});

test('a replica that leaves gives everything back and is no longer counted', async () => {
  const { ledger, budget, reserve } = setUp();
  (await reserve()).settle(used);
  await budget.close();
  expect(ledger.leases.size).toBe(0);
  expect([...ledger.replicas.values()].every(({ expiredAt }) => expiredAt !== undefined)).toBe(true);
});

test('of what is idle some calls’ worth is kept for a minute, then all of it goes back to the ledger, and nothing more is said', async () => {
  const { ledger, budget, sources, reserve } = setUp();
  (await reserve()).settle(used);
  await vi.waitFor(() => expect(ledger.day.reserved).toEqual({ microUsd: 800n, tokens: 0n }), 3_000); // eight times what a call reserves
  (await reserve()).settle(used);
  expect(sources).toEqual(['ledger', 'memory']);
  const clock = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => clock() + keptFor);
  await vi.waitFor(() => expect(ledger.day.reserved).toEqual(amount(0n)), 3_000);
  vi.restoreAllMocks();
  expect(budget.leases).toBe(0);
  const { length } = ledger.messages;
  await sleep(100);
  expect(ledger.messages).toHaveLength(length);
});
