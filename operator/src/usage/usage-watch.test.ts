import { createRegistry } from '@cloister/telemetry';
import { silentLogger, type Change } from 'kube-runtime';
import { expect, test } from 'vitest';
import type { Tenant } from '../kinds.ts';
import { tenantNamed } from '../tenant/snapshot.fixture.ts';
import { usageShown } from './shown.ts';
import { mostInARound, UsageWatch } from './usage-watch.ts';

type Told = Awaited<ReturnType<ConstructorParameters<typeof UsageWatch>[0]['read']>>['tenants'][number];
const figures = (name: string, microUsd: number, percent?: number): Told => ({
  tenant: name,
  uid: `uid-${name}`,
  daily: { startsOn: '2026-11-26', microUsd, tokens: microUsd, percent },
  monthly: { startsOn: '2026-11-01', microUsd, tokens: microUsd },
});

/** Tenants whose status follows what they are woken for, as a reconcile would have it. */
function world(names: readonly string[], follows = true) {
  let hear: (change: Change<Tenant>) => void = () => undefined;
  const tenants = new Map(names.map((name) => [name, tenantNamed(name)]));
  const book: { usage: Told[]; away: boolean } = { usage: [], away: false };
  const registry = createRegistry();
  const watch = new UsageWatch({
    read: () => (book.away ? Promise.reject(new Error('away')) : Promise.resolve({ tenants: book.usage })),
    seconds: 60,
    registry,
    log: silentLogger,
    tenants: {
      onChange: (listener) => {
        hear = listener;
        for (const object of tenants.values()) hear({ type: 'added', object, replay: true });
        return () => undefined;
      },
    },
  });
  const woken: string[] = [];
  watch.onChange((name) => {
    woken.push(name);
    const tenant = tenants.get(name);
    if (!tenant || !follows) return;
    const usage = usageShown(tenant.status?.usage, watch.of(tenant.metadata.uid ?? '', [80]), [80]);
    const object = { ...tenant, status: { ...tenant.status, usage } };
    tenants.set(name, object);
    hear({ type: 'updated', object, previous: tenant, replay: false });
  });
  const round = async (...usage: Told[]) => {
    book.usage = usage;
    await watch.round();
    return woken.splice(0);
  };
  return { watch, book, round, registry };
}

test('those whose numbers have changed are woken, each once, and nobody else', async () => {
  const { round } = world(['a', 'b', 'c']);
  expect(await round(figures('a', 1), figures('b', 2))).toEqual(expect.arrayContaining(['a', 'b']));
  expect(await round(figures('a', 1), figures('b', 2))).toEqual([]);
  expect(await round(figures('a', 1), figures('b', 3))).toEqual(['b']);
});

test('nobody is woken at rest, not for a new day in which nothing was used either', async () => {
  const { round } = world(['a', 'b']);
  expect(await round()).toEqual([]);
  await round(figures('a', 0));
  expect(await round({ ...figures('a', 0), daily: { startsOn: '2026-11-27', microUsd: 0, tokens: 0 } })).toEqual([]);
});

test('a tenant of which the ledger has nothing any more is told so, once', async () => {
  const { round, watch } = world(['a']);
  await round(figures('a', 1));
  expect(await round()).toEqual(['a']);
  expect(watch.of('uid-a', [])).toMatchObject({ figures: 'nothing' });
  expect(await round()).toEqual([]);
});

test('a tenant of the same name that was there before is another', async () => {
  const { round } = world(['a']);
  expect(await round({ ...figures('a', 1), uid: 'uid-of-another' })).toEqual([]);
});

test('a hundred are woken in a round: those who have come further towards a limit, then who was told of longest ago', async () => {
  const names = Array.from({ length: mostInARound + 20 }, (_, turn) => `t${turn}`);
  const { round, watch } = world(names);
  const first = await round(...names.map((name) => figures(name, 1, name === 't119' ? 90 : 0)));
  expect(first).toHaveLength(mostInARound);
  expect(first[0]).toBe('t119');
  expect(watch.of('uid-t118', [])).toBeUndefined();
  const second = await round(...names.map((name) => figures(name, 2, name === 't119' ? 90 : 0)));
  expect(second.slice(0, 20)).toEqual(names.filter((name) => !first.includes(name)));
});

test('before all others those are woken who pass a threshold, however little further they have come', async () => {
  const names = Array.from({ length: mostInARound + 20 }, (_, turn) => `t${turn}`);
  const { round } = world(names);
  const all = (percent: number, last: number) => names.map((name) => figures(name, percent, name === 't119' ? last : percent));
  while ((await round(...all(1, 79))).length > 0);
  expect((await round(...all(20, 80)))[0]).toBe('t119');
});

test('while egress is away nothing changes, and the next round makes up for it', async () => {
  const { round, book, watch } = world(['a']);
  book.away = true;
  expect(await round(figures('a', 1))).toEqual([]);
  expect(watch.of('uid-a', [])).toBeUndefined();
  book.away = false;
  expect(await round(figures('a', 1))).toEqual(['a']);
});

test('when usage was last read is told', async () => {
  const { round, registry } = world([]);
  expect(await registry.metrics()).toContain('cloister_usage_read_timestamp_seconds 0');
  await round();
  expect(await registry.metrics()).toMatch(/cloister_usage_read_timestamp_seconds 1[.\d]+e?\d*/);
});
