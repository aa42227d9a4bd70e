/** The rules of one tenant's leases, told by what the ledger answers; a token costs a micro-dollar. */
import { describe, expect, test } from 'vitest';
import { idleAfter, keptFor } from './account-lease.ts';
import { nothing } from './amount.ts';
import type { Ladder } from './ask.ts';
import { ladderOf, of } from './fleet.fixture.ts';
import { chainOf, type Limit, type Link } from './limits.ts';
import { TenantLease } from './tenant-lease.ts';

const today = { tenantUid: 'u', day: '2026-11-22', month: '2026-11-01' };
const tomorrow = { tenantUid: 'u', day: '2026-11-23', month: '2026-11-01' };
const ends = { daily: 10_000, monthly: 100_000 };
const call = { tenant: 't', agent: 'a', caller: '', model: 'p/m', timeZone: 'UTC' };
const used = (tokens: number) => ({ inputTokens: 0, outputTokens: tokens, microUsd: BigInt(tokens) });
const under = (limits: readonly Limit[], timeZone = 'UTC'): Link[] => [{ account: 'u', terms: { timeZone, limits } }];
const daily = (microUsd: bigint, timeZone = 'UTC'): Link[] => under([{ kind: 'daily', microUsd, tokens: undefined }], timeZone);
const waiting = (chain: readonly Link[], ...ladders: Ladder[]) => ladders.map((ladder) => ({ chain, ladder, inVain: undefined }));

/** The ledger says: this is leased here, so much is settled and reserved in all. */
function tell(
  tenant: TenantLease,
  { held = 0n, settled = 0n, reserved = 0n, key = today, replicas = 2, at = 0, dayEnds = ends.daily } = {},
): void {
  const standing = { settled: of(settled), reserved: of(held + reserved) };
  const lease = { ...key, amount: of(held), windows: { daily: standing, monthly: standing } };
  tenant.learn({ now: at, replicas, leases: [lease], present: [{ ...key, ends: { ...ends, daily: dayEnds } }] }, at, () => 'UTC');
}
function leased(held: bigint, dayEnds = ends.daily): TenantLease {
  const tenant = new TenantLease('u');
  tell(tenant, { held, dayEnds });
  return tenant;
}

describe('a lease', () => {
  test('serves calls until it is used up, and again what they did not use', () => {
    const tenant = leased(100n);
    const first = tenant.reserve(ladderOf(60), daily(100n), 0);
    expect(tenant.reserve(ladderOf(60), daily(100n), 0)).toBeUndefined();
    tenant.settle(first, call, used(10));
    expect(tenant.reserve(ladderOf(60), daily(100n), 0)).toMatchObject({ outputTokens: 60 });
    expect(tenant.reserve(ladderOf(31), daily(100n), 0)).toBeUndefined();
  });

  test('gives the cheaper rung only where the dearer could not be had from the ledger either', () => {
    const tenant = leased(100n);
    expect(tenant.reserve(ladderOf(150, 50), daily(100n), 0)).toMatchObject({ outputTokens: 50 });
    expect(tenant.reserve(ladderOf(150, 50), daily(1_000n), 0)).toBeUndefined();
  });

  test('serves nobody under a limit that was lowered while it rested, before the ledger has said what is left', () => {
    const tenant = leased(100n);
    tenant.settle(tenant.reserve(ladderOf(10), daily(1_000n), 0), call, used(0));
    tell(tenant, { held: 100n });
    expect(tenant.reserve(ladderOf(10), daily(900n), idleAfter - 1)).toBeDefined();
    expect(tenant.reserve(ladderOf(10), daily(900n), idleAfter)).toBeUndefined();
    tenant.growth(waiting(daily(900n), ladderOf(10)), idleAfter);
    expect(tenant.reserve(ladderOf(10), daily(900n), idleAfter), 'somebody has asked').toBeUndefined();
    tell(tenant, { held: 100n, at: idleAfter });
    expect(tenant.reserve(ladderOf(10), daily(900n), idleAfter)).toBeDefined();
  });

  test('serves nobody after midnight, nor under another time zone', () => {
    const tenant = leased(100n);
    expect(tenant.reserve(ladderOf(1), daily(100n, 'Asia/Tokyo'), 0)).toBeUndefined();
    expect(tenant.reserve(ladderOf(1), daily(100n), 9_999)).toBeDefined();
    expect(tenant.reserve(ladderOf(1), daily(100n), 10_000)).toBeUndefined();
  });

  test('of yesterday bills what was reserved yesterday, and its rest goes back', () => {
    const tenant = leased(100n);
    const hold = tenant.reserve(ladderOf(60), daily(100n), 9_000);
    tell(tenant, { key: tomorrow, at: 10_000 });
    tenant.learn(
      { now: 10_000, replicas: 1, leases: [{ ...today, amount: of(100n), windows: noWindows }], present: [] },
      10_000,
      () => undefined,
    );
    expect(tenant.report(10_000, 'slice').returns).toEqual([{ ...today, ...of(40n) }]);
    tenant.settle(hold, call, used(25));
    expect(tenant.report(10_001, 'slice')).toMatchObject({
      usage: [{ day: today.day, microUsd: 25n }],
      returns: [{ ...today, ...of(35n) }],
    });
  });

  test('is not touched while a lowered limit leaves less than nothing', () => {
    const tenant = leased(100n);
    expect(tenant.reserve(ladderOf(30), daily(70n), 0)).toMatchObject({ outputTokens: 30 });
    expect(tenant.reserve(ladderOf(41), daily(70n), 0)).toBeUndefined();
    expect(tenant.refusal(ladderOf(41), daily(70n), 0)).toMatchObject({ window: 'daily', unit: 'money', spent: false });
  });

  test('catches up with calls in progress when a limit is set that was not there', () => {
    const tokens: Limit[] = [{ kind: 'daily', microUsd: undefined, tokens: 1_000n }];
    const tenant = leased(100n);
    tenant.reserve(ladderOf(100), under(tokens), 0);
    const both = under([{ kind: 'daily', microUsd: 1_000n, tokens: 1_000n }]);
    expect(tenant.growth(waiting(both, ladderOf(50)), 0)[0]).toMatchObject({ need: of(50n) });
    tenant.learn(
      { now: 0, replicas: 1, leases: [{ ...today, amount: { microUsd: 0n, tokens: 100n }, windows: noWindows }], present: [] },
      0,
      () => undefined,
    );
    expect(tenant.growth(waiting(both, ladderOf(50)), 0)[0]).toMatchObject({ need: { microUsd: 150n, tokens: 50n } });
  });
});

describe('what is given back', () => {
  test('is all beyond a slice, which is a quarter of a replica’s share of what is free', () => {
    const tenant = leased(400n);
    tenant.reserve(ladderOf(100), daily(1_200n), 0);
    expect(tenant.report(0, 'slice').returns).toEqual([{ ...today, microUsd: 200n, tokens: 300n }]);
  });

  test('is all beyond eight calls’ worth, or beyond a slice where that is less, once no call has come for a second', () => {
    const tenant = leased(100n);
    tenant.settle(tenant.reserve(ladderOf(5), daily(10_000n, 'UTC'), 0), call, used(0));
    expect(tenant.report(idleAfter, 'slice').returns).toEqual([{ ...today, microUsd: 60n, tokens: 100n }]);
    const near = leased(100n);
    near.settle(near.reserve(ladderOf(5), daily(180n, 'UTC'), 0), call, used(0));
    expect(near.report(idleAfter, 'slice').returns).toEqual([{ ...today, microUsd: 90n, tokens: 100n }]); // (180 - 100) / 8
  });

  test('is everything idle once no call has come for a minute, or nothing while calls wait', () => {
    const tenant = leased(100n, 100_000);
    tenant.reserve(ladderOf(40), daily(10_000n), 0);
    expect(tenant.report(keptFor, 'slice', waiting(daily(10_000n), ladderOf(99))).returns).toEqual([]);
    expect(tenant.report(keptFor, 'slice').returns).toEqual([{ ...today, ...of(60n) }]);
  });

  test('is never what is reserved or spent', () => {
    const tenant = leased(100n);
    const hold = tenant.reserve(ladderOf(40), daily(100n), 0);
    tenant.reserve(ladderOf(50), daily(100n), 0);
    tenant.settle(hold, call, used(30));
    expect(tenant.report(0, 'nothing').returns).toEqual([{ ...today, ...of(20n) }]);
    expect(tenant.held).toEqual(of(50n));
  });
});

describe('what is asked for', () => {
  test('is the least that would help anybody, and as much as those who wait may get', () => {
    const tenant = leased(10n);
    expect(tenant.growth(waiting(daily(1_000n), ladderOf(400, 200), ladderOf(300, 150), ladderOf(900)), 0)[0]).toMatchObject({
      need: { microUsd: 140n },
      want: { microUsd: 690n },
    });
  });

  test('is only what is needed while the ledger has not said what is free', () => {
    const [asked] = new TenantLease('u').growth(waiting(daily(1_000n), ladderOf(400, 200)), 0);
    expect(asked).toMatchObject({ need: of(200n), want: of(200n) });
  });
});

describe('a refusal', () => {
  test.each([
    [
      'of a spent day',
      { settled: 100n },
      [{ kind: 'daily', microUsd: 100n, tokens: undefined }],
      { window: 'daily', unit: 'money', spent: true },
    ],
    [
      'of a spent month rather than a day in use',
      { settled: 50n, reserved: 50n },
      [
        { kind: 'daily', microUsd: 100n, tokens: undefined },
        { kind: 'monthly', microUsd: undefined, tokens: 55n },
      ],
      { window: 'monthly', unit: 'tokens', spent: true },
    ],
    [
      'of a day in use',
      { reserved: 100n },
      [{ kind: 'daily', microUsd: 100n, tokens: 500n }],
      { window: 'daily', unit: 'money', spent: false },
    ],
  ] as const)('%s says so, and when it renews', (_, told, limits, expected) => {
    const tenant = new TenantLease('u');
    tell(tenant, told);
    const renewsAt = ends[expected.window];
    expect(tenant.refusal(ladderOf(10), under(limits), 4_000)).toEqual({
      ...expected,
      account: 'u',
      renewsAt,
      renewsInSeconds: (renewsAt - 4_000) / 1000,
    });
  });

  test('is not made up before the ledger was asked', () => {
    expect(new TenantLease('u').refusal(ladderOf(10), daily(0n), 0)).toBeUndefined();
  });
});

describe('the budget of an agent', () => {
  const chain = chainOf('u', call, { timeZone: 'UTC', daily: { usd: 0.001 }, ofAgent: { daily: { usd: 0.000_5 } } });
  const agentLease = { ...today, tenantUid: 'u/a' };
  const free = { daily: noStanding(), monthly: noStanding() };
  interface Holding {
    readonly own: bigint;
    readonly agents: bigint;
    readonly key?: typeof agentLease;
    readonly zoneOf?: (account: string) => string;
  }
  function holding({ own, agents, key = agentLease, zoneOf = (): string => 'UTC' }: Holding): TenantLease {
    const tenant = new TenantLease('u');
    const leases = [
      { ...today, amount: of(own), windows: free },
      { ...key, amount: of(agents), windows: free },
    ];
    const present = [today, key].map((lease) => ({ ...lease, ends }));
    tenant.learn({ now: 0, replicas: 1, leases, present }, 0, zoneOf);
    return tenant;
  }

  test('is reserved with that of its tenant, or neither is', () => {
    expect(
      holding({ own: 100n, agents: 100n })
        .reserve(ladderOf(100), chain, 0)
        ?.of.map(({ account }) => account),
    ).toEqual(['u', 'u/a']);
    for (const tenant of [holding({ own: 100n, agents: 99n }), holding({ own: 99n, agents: 100n })]) {
      expect(tenant.reserve(ladderOf(100), chain, 0)).toBeUndefined();
      expect(tenant.reserve(ladderOf(99), chain, 0)).toBeDefined();
    }
  });

  test('binds that agent alone', () => {
    const tenant = holding({ own: 100n, agents: 0n });
    const others = chainOf('u', { agent: 'b', caller: '' }, { timeZone: 'UTC', daily: { usd: 0.001 } });
    expect(tenant.reserve(ladderOf(100), others, 0)).toBeDefined();
  });

  test('is settled with that of its tenant, and reported once', () => {
    const tenant = holding({ own: 100n, agents: 80n });
    tenant.settle(tenant.reserve(ladderOf(60), chain, 0), call, used(25));
    expect(tenant.report(0, 'nothing')).toEqual({
      usage: [expect.objectContaining({ agent: 'a', requests: 1, microUsd: 25n, tenantLeased: true, agentLeased: true })],
      returns: [
        { ...today, ...of(75n) },
        { ...agentLease, ...of(55n) },
      ],
    });
  });

  test('is the one that a refusal names where it is what is spent', () => {
    const tenant = holding({ own: 100n, agents: 0n });
    expect(tenant.refusal(ladderOf(501), chain, 0)).toMatchObject({ account: 'u/a', spent: true });
    expect(tenant.refusal(ladderOf(500), chain, 0)).toBeUndefined();
  });

  test('that has refused a call is not a reason to ask for its tenant’s', () => {
    const [first] = waiting(chain, ladderOf(200));
    if (!first) throw new Error('nobody waits');
    const tenant = holding({ own: 0n, agents: 0n });
    expect(tenant.growth([first], 0).map(({ tenantUid }) => tenantUid)).toEqual(['u', 'u/a']);
    expect(tenant.growth([{ ...first, inVain: 'u/a' }], 0).map(({ tenantUid }) => tenantUid)).toEqual(['u/a']);
  });

  test('is not mixed with another day of its tenant’s', () => {
    const tenant = holding({ own: 100n, agents: 100n, key: { ...agentLease, day: tomorrow.day } });
    expect(tenant.reserve(ladderOf(10), chain, 0)).toBeUndefined();
  });

  test('is not served in another time zone than the one it was asked about in', () => {
    const tenant = holding({ own: 100n, agents: 100n, zoneOf: (account) => (account === 'u' ? 'UTC' : 'Asia/Tokyo') });
    expect(tenant.reserve(ladderOf(10), chain, 0)).toBeUndefined();
  });

  test('that is above its tenant’s lets nothing through that its tenant’s does not', () => {
    const generous = chainOf('u', call, { timeZone: 'UTC', daily: { usd: 0.000_1 }, ofAgent: { daily: { usd: 0.001 } } });
    const tenant = holding({ own: 100n, agents: 1_000n });
    expect(tenant.reserve(ladderOf(101), generous, 0)).toBeUndefined();
    expect(tenant.refusal(ladderOf(201), generous, 0)).toMatchObject({ account: 'u', spent: true });
  });
});

test('what a provider bills beyond a reservation is reported apart', () => {
  const tenant = leased(100n);
  tenant.settle(tenant.reserve(ladderOf(40), daily(100n), 0), call, used(55));
  expect(tenant.report(0, 'nothing')).toMatchObject({
    usage: [{ requests: 1, microUsd: 55n, overrunMicroUsd: 15n, overrunTokens: 15n }],
    returns: [{ ...today, ...of(60n) }],
  });
});

test('a tenant is forgotten once nothing is held, to be reported or in the way of calls', () => {
  const tenant = leased(100n);
  tenant.reserve(ladderOf(100), daily(100n), 0);
  expect(tenant.isEmpty(idleAfter)).toBe(false);
  expect(new TenantLease('u').isEmpty(0)).toBe(true);
});

function noStanding() {
  return { settled: nothing, reserved: nothing };
}
const noWindows = { daily: noStanding(), monthly: noStanding() };
