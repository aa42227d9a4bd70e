/** What a replica has idle that rests, when somebody else asks for it. */
import { createLogger } from '@cloister/telemetry';
import { afterEach, expect, test, vi } from 'vitest';
import { idleAfter } from './account-lease.ts';
import { LeasedBudget } from './budget.ts';
import { ladderOf, of } from './fleet.fixture.ts';
import { LedgerModel } from './ledger-model.fixture.ts';
import type { Answer } from './ledger.ts';
import { priceOf } from './money.ts';
import { Replica } from './replica.ts';

const worst = { inputTokens: 10, outputTokens: 90, named: true, price: priceOf({ inputPerMillion: 1, outputPerMillion: 1 }) };
const call = { tenantUid: 'u', tenant: 't', agent: 'a', caller: '', model: 'p/m', timeZone: 'UTC' };

const open: LeasedBudget[] = [];
function replicaOf(ledger: LedgerModel) {
  const budget = new LeasedBudget(ledger, { log: createLogger({ name: 'egress', level: 'fatal' }), beatMs: 20 });
  open.push(budget);
  return async (usd: number) => {
    const reservation = await budget.reserve(call, { timeZone: 'UTC', daily: { usd } }, worst);
    reservation.settle({ inputTokens: 1, outputTokens: 2 });
  };
}
afterEach(() => Promise.all(open.splice(0).map((budget) => budget.close())));

test('is not what keeps a call waiting under a limit that was lowered since that replica was called last', async () => {
  const ledger = new LedgerModel(Date.UTC(2026, 10, 22, 22));
  const [resting, other] = [replicaOf(ledger), replicaOf(ledger)];
  await resting(0.01);
  const reserved = () => ledger.windowOf('u', 'daily', '2026-11-22').reserved.microUsd;
  await vi.waitFor(() => expect(reserved()).toBe(800n), 3_000); // eight calls' worth
  await other(0.0005);
});

const key = { tenantUid: 'u', day: '2026-11-22', month: '2026-11-01' };
const windows = { settled: of(0n), reserved: of(100n) };
const answer = { now: 0, replicas: 2, leases: [{ ...key, amount: of(100n), windows: { daily: windows, monthly: windows } }] };
const told = { ...answer, present: [{ ...key, ends: { daily: 1e9, monthly: 1e9 } }] } satisfies Answer;
const chain = [{ account: 'u', terms: { timeZone: 'UTC', limits: [{ kind: 'daily', microUsd: 10_000n, tokens: 10_000n }] } }] as const;

/** A replica that holds a hundred, of which a call has just used nothing. */
function holder(): Replica {
  const replica = new Replica(() => 'r');
  const first = replica.message(0, 'those who wait', new Map([['u', [{ chain, ladder: ladderOf(20), inVain: undefined }]]]));
  replica.heard(first, told, 0, 0);
  const hold = replica.of('u').reserve(ladderOf(20), chain, 0);
  replica.of('u').settle(hold, call, { inputTokens: 0, outputTokens: 0, microUsd: 0n });
  replica.heard(replica.message(0, 'all'), { ...answer, present: [] }, 0, 0);
  return replica;
}

test('is all given back once no call has come for a second, and not before; by who has spoken of it himself it is kept', () => {
  const replica = holder();
  const next = (now: number) => replica.message(now, 'all');
  const recall = (now: number) => {
    const message = next(now);
    expect(message).toMatchObject({ usage: [], returns: [] });
    replica.heard(message, { ...answer, present: [] }, now, now);
  };
  recall(1);
  const early = next(1);
  expect(early.returns).toEqual([]);
  replica.heard(early, { ...answer, leases: [], present: [] }, 1, 1);
  expect(next(idleAfter + 1).returns).toEqual([{ ...key, ...of(100n) }]);

  const busy = holder();
  busy.heard(busy.message(1, 'all'), { ...answer, present: [] }, 1, 1);
  expect(busy.of('u').reserve(ladderOf(20), chain, 2)).toBeDefined();
  expect(busy.message(idleAfter + 2, 'all').returns).toEqual([]);
});
