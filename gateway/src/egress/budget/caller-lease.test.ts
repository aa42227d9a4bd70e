/** The lease of a caller's budget, beside those of its tenant and of the agent; a token costs a micro-dollar. */
import { expect, test } from 'vitest';
import { keptFor } from './account-lease.ts';
import { nothing } from './amount.ts';
import { ladderOf, of } from './fleet.fixture.ts';
import { chainOf } from './limits.ts';
import { TenantLease } from './tenant-lease.ts';

const today = { day: '2026-11-22', month: '2026-11-01' };
const ends = { daily: 100_000, monthly: 1_000_000 };
const unused = { settled: nothing, reserved: nothing };
const call = { tenant: 't', agent: 'a', caller: '', model: 'p/m', timeZone: 'UTC' };
const used = (tokens: number) => ({ inputTokens: 0, outputTokens: tokens, microUsd: BigInt(tokens) });
const onBehalf = { ...call, caller: 'user:f00d' };
const share = { daily: { usd: 0.000_5 } };
const chain = chainOf('u', onBehalf, { timeZone: 'UTC', daily: { usd: 0.001 }, ofAgent: share, ofCaller: share });
const accounts = ['u', 'u/a', 'u/user:f00d'];
function holding(...amounts: readonly bigint[]): TenantLease {
  const tenant = new TenantLease('u');
  const keys = accounts.map((account) => ({ ...today, tenantUid: account }));
  const leases = keys.map((key, at) => ({ ...key, amount: of(amounts[at] ?? 0n), windows: { daily: unused, monthly: unused } }));
  tenant.learn({ now: 0, replicas: 1, leases, present: keys.map((key) => ({ ...key, ends })) }, 0, () => 'UTC');
  return tenant;
}

test('the budget of a caller is reserved with those of its tenant and of the agent, or none is', () => {
  expect(chain.map(({ account }) => account)).toEqual(accounts);
  expect(holding(100n, 100n, 100n).reserve(ladderOf(100), chain, 0)?.of).toHaveLength(3);
  for (const amounts of [
    [99n, 100n, 100n],
    [100n, 99n, 100n],
    [100n, 100n, 99n],
  ]) {
    const tenant = holding(...amounts);
    expect(tenant.reserve(ladderOf(100), chain, 0)).toBeUndefined();
    expect(tenant.held).toEqual(of(299n));
    expect(tenant.reserve(ladderOf(99), chain, 0)).toBeDefined();
  }
});

test('it is settled with them, and reported once', () => {
  const tenant = holding(100n, 80n, 70n);
  tenant.settle(tenant.reserve(ladderOf(60), chain, 0), onBehalf, used(25));
  const { usage, returns } = tenant.report(0, 'nothing');
  expect(usage).toMatchObject([{ caller: 'user:f00d', microUsd: 25n, tenantLeased: true, agentLeased: true, callerLeased: true }]);
  expect(returns.map(({ tenantUid, microUsd }) => [tenantUid, microUsd])).toEqual([
    ['u', 75n],
    ['u/a', 55n],
    ['u/user:f00d', 45n],
  ]);
});

test('it is given back and forgotten once the caller is idle, whoever else is not', () => {
  const tenant = holding(100n, 100n, 100n);
  tenant.settle(tenant.reserve(ladderOf(10), chain, 0), onBehalf, used(10));
  const others = chainOf('u', call, { timeZone: 'UTC', daily: { usd: 0.001 }, ofAgent: share });
  tenant.reserve(ladderOf(10), others, keptFor);
  expect(tenant.report(keptFor, 'slice').returns).toContainEqual({ ...today, tenantUid: 'u/user:f00d', ...of(90n) });
  expect(tenant.held.microUsd).toBe(180n); // in slices, of which those who are not idle keep one
});

test('callers without end who cannot be served, as while the ledger is away, leave nothing in memory', () => {
  const tenant = new TenantLease('u');
  for (let user = 0; user < 100; user++) {
    const asking = chainOf('u', { ...call, caller: `user:${user}` }, { timeZone: 'UTC', daily: { usd: 0.001 }, ofCaller: share });
    expect(tenant.reserve(ladderOf(10), asking, 0)).toBeUndefined();
    expect(tenant.refusal(ladderOf(10), asking, 0)).toBeUndefined();
  }
  const known: string[] = [];
  tenant.learn({ now: 0, replicas: 1, leases: [], present: [] }, 0, (account) => {
    known.push(account);
    return undefined;
  });
  expect(known).toEqual([]);
});
