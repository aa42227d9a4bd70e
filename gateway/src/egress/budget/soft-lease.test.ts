/** Leases of a budget that is to last: of the limit of a hundred, eighty are there at once. A token costs a micro-dollar. */
import { describe, expect, test } from 'vitest';
import { ladderOf, of } from './fleet.fixture.ts';
import type { Link } from './limits.ts';
import type { Soft } from './soft-limit.ts';
import { TenantLease } from './tenant-lease.ts';

const hour = 3_600_000;
const key = { tenantUid: 'u', day: '2026-11-22', month: '2026-11-01' };
const call = { tenant: 't', agent: 'a', caller: '', model: 'p/m', timeZone: 'UTC' };
const used = (tokens: number) => ({ inputTokens: 0, outputTokens: tokens, microUsd: BigInt(tokens) });
const chain = (rest?: Soft['rest']): Link[] => [
  {
    account: 'u',
    terms: {
      timeZone: 'UTC',
      limits: [{ kind: 'daily', microUsd: 100n, tokens: undefined }],
      ...(rest && { soft: { percent: 80, rest } }),
    },
  },
];
const [dear, cheap, slow] = [chain('kept'), chain(), chain('released')];

/** At midnight, unless it is later. */
function holding({ held = 100n, settled = 0n, others = 0n, hours = 0 } = {}): TenantLease {
  const tenant = new TenantLease('u');
  const standing = { settled: of(settled), reserved: of(held + others) };
  const lease = { ...key, amount: of(held), windows: { daily: standing, monthly: standing } };
  const ends = { daily: (24 - hours) * hour, monthly: 100 * hour };
  tenant.learn({ now: 0, replicas: 1, leases: [lease], present: [{ ...key, ends }] }, 0, () => 'UTC');
  return tenant;
}

describe('calls of a dear model', () => {
  test('get the soft share of a limit and no more, and cheaper ones the rest of it', () => {
    const tenant = holding();
    tenant.settle(tenant.reserve(ladderOf(70), dear, 0), call, used(70));
    expect(tenant.reserve(ladderOf(11), dear, 0)).toBeUndefined();
    expect(tenant.reserve(ladderOf(10), dear, 0)).toBeDefined();
    expect(tenant.reserve(ladderOf(1), dear, 0)).toBeUndefined();
    expect(tenant.reserve(ladderOf(21), cheap, 0)).toBeUndefined();
    expect(tenant.reserve(ladderOf(20), cheap, 0)).toBeDefined();
  });

  test('are refused as such, whether the share is spent or held by others', () => {
    const soft = { percent: 80, opensInSeconds: undefined };
    expect(holding({ held: 0n, settled: 80n }).refusal(ladderOf(1), dear, 0)).toMatchObject({ spent: true, soft });
    expect(holding({ held: 0n, settled: 50n, others: 30n }).refusal(ladderOf(1), dear, 0)).toMatchObject({ spent: false, soft });
    expect(holding({ held: 0n, settled: 80n }).refusal(ladderOf(1), cheap, 0)).toBeUndefined();
    expect(holding({ held: 0n, settled: 100n }).refusal(ladderOf(1), cheap, 0)).not.toHaveProperty('soft');
  });

  test('that wait beside cheaper ones take nothing from what these ask for', () => {
    const waiting = [dear, cheap, dear].map((one) => ({ chain: one, ladder: ladderOf(15), inVain: undefined }));
    const [asked, ...others] = holding({ held: 0n, settled: 80n }).growth(waiting, 0);
    expect(others).toEqual([]);
    expect(asked).toMatchObject({ limits: [{ microUsd: 100n }], need: { microUsd: 15n }, want: { microUsd: 15n } });
    expect(asked).not.toHaveProperty('soft');
    const alone = holding({ held: 0n, settled: 80n }).growth(waiting.slice(0, 1), 0);
    expect(alone).toMatchObject([{ limits: [{ microUsd: 80n, whole: { microUsd: 100n } }] }]);
  });
});

describe('calls that are slowed down', () => {
  test('get what is released at their time', () => {
    expect(holding({ settled: 85n, held: 15n, hours: 12 }).reserve(ladderOf(6), slow, 0)).toBeUndefined();
    expect(holding({ settled: 85n, held: 15n, hours: 12 }).reserve(ladderOf(5), slow, 0)).toBeDefined();
    expect(holding({ settled: 85n, held: 15n, hours: 18 }).reserve(ladderOf(10), slow, 0)).toBeDefined();
  });

  test('get more of it as time passes', () => {
    const tenant = holding({ settled: 85n, held: 15n, hours: 12 });
    expect(tenant.reserve(ladderOf(6), slow, 1.2 * hour - 1)).toBeUndefined();
    expect(tenant.reserve(ladderOf(6), slow, 1.2 * hour)).toBeDefined();
  });

  test('hear when so much is released, or that the budget is spent where that never will be', () => {
    const tenant = holding({ settled: 90n, held: 0n, hours: 12 });
    expect(tenant.refusal(ladderOf(5), slow, 0)).toMatchObject({ spent: true, soft: { percent: 80, opensInSeconds: 6 * 3600 } });
    expect(tenant.refusal(ladderOf(11), slow, 0)).toEqual(tenant.refusal(ladderOf(11), cheap, 0));
  });

  test('are told like all others where what is released is held for calls in progress', () => {
    expect(holding({ settled: 80n, held: 0n, others: 10n, hours: 12 }).refusal(ladderOf(1), slow, 0)).not.toHaveProperty('soft');
  });

  test('ask the ledger for no more than was there from the beginning, while they do not know the time', () => {
    const [asked] = new TenantLease('u').growth([{ chain: slow, ladder: ladderOf(5), inVain: undefined }], 0);
    expect(asked).toMatchObject({ limits: [{ kind: 'daily', microUsd: 80n }] });
  });
});
