/** A limit that was changed and set back while a lease rested: others may have used more meanwhile than it allows. */
import { expect, test } from 'vitest';
import { idleAfter } from './account-lease.ts';
import { ladderOf, of } from './fleet.fixture.ts';
import { chainOf, type Link } from './limits.ts';
import { TenantLease } from './tenant-lease.ts';

const key = { tenantUid: 'u', day: '2026-11-22', month: '2026-11-01' };
/** A hundred of the dollar are held, and so much is used by others. */
function tell(tenant: TenantLease, used: bigint, at: number): void {
  const standing = { settled: of(used), reserved: of(100n) };
  const lease = { ...key, amount: of(100n), windows: { daily: standing, monthly: standing } };
  const ends = { daily: 1e9, monthly: 1e9 };
  tenant.learn({ now: at, replicas: 2, leases: [lease], present: [{ ...key, ends }] }, at, () => 'UTC');
}
const saidBy = (document: object): Link[] =>
  chainOf('u', { agent: '', caller: '' }, { timeZone: 'UTC', daily: { usd: 0.001 }, saidBy: document });

test('a lease that has rested serves nobody under another document before the ledger has said what is left, although it says the same', () => {
  const [before, after] = [{}, {}];
  const tenant = new TenantLease('u');
  tell(tenant, 0n, 0);
  tenant.reserve(ladderOf(10), saidBy(before), 0);
  tell(tenant, 0n, 0);
  expect(tenant.reserve(ladderOf(10), saidBy(after), idleAfter - 1)).toBeDefined();
  expect(tenant.reserve(ladderOf(10), saidBy(before), idleAfter)).toBeDefined();
  expect(tenant.reserve(ladderOf(10), saidBy(after), idleAfter)).toBeUndefined();
  tell(tenant, 900n, idleAfter);
  expect(tenant.reserve(ladderOf(10), saidBy(after), idleAfter)).toBeDefined();
  tell(tenant, 1_000n, idleAfter);
  expect(tenant.reserve(ladderOf(1), saidBy(after), idleAfter)).toBeUndefined();
});
