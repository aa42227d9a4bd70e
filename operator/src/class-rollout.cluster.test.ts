/** A class that changes, and tenants that follow it in waves: against a real API server, Postgres and Redis. */
import { namespaceOf, namespaces } from '@cloister/tenancy';
import { findCondition } from 'kube-runtime';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import * as kinds from './kinds.ts';
import { runOperator, startTimeoutMs, type RunningOperator } from './testing/operator.fixture.ts';
import { TenantWorld } from './testing/tenants.fixture.ts';
import { until, untilQuiet } from './testing/until.fixture.ts';

const className = 'op-rolling';
const names = ['one', 'two', 'three'] as const;
const waves = { waveSize: 1, canary: { matchLabels: { canary: 'yes' } }, unreadySeconds: 1 };
const good = { defaults: { models: { allow: ['op-offline/echo'] } }, rollout: waves };
const better = { ...good, defaults: { ...good.defaults, quota: { cpu: '1500m' } } };
/** No agent may use its model any more. */
const bad = { defaults: { models: { allow: ['op-offline/other'] } }, rollout: waves };
const patient = 40_000;

let operator: RunningOperator;
let world: TenantWorld;
beforeAll(async () => {
  operator = await runOperator();
  world = new TenantWorld(operator.cluster);
  await world.prepare();
}, startTimeoutMs);
afterEach(async () => {
  await world.removeTenants();
  await operator.cluster.delete(kinds.tenantClasses, { name: className });
  await until('the revisions to go', async () => (await revisions()).length === 0);
});
afterAll(async () => {
  await world.removeAll();
  await operator.stop();
});

const revisions = async () =>
  (await operator.cluster.list(kinds.controllerRevisions, { namespace: namespaces.system })).filter(({ metadata }) =>
    metadata.name.startsWith(className),
  );

/** As "kubectl replace" would: what the new spec does not say is gone. */
async function setClass(spec: object): Promise<void> {
  const live = await operator.cluster.get(kinds.tenantClasses, { name: className });
  if (live) await operator.cluster.patch(kinds.tenantClasses, { name: className }, [{ op: 'replace', path: '/spec', value: spec }]);
  else await operator.cluster.create(kinds.tenantClasses, { metadata: { name: className }, spec });
}

/** Three tenants with an agent each; "three" is the canary. */
async function prepare(spec: object = good): Promise<string> {
  await setClass(spec);
  await Promise.all(
    names.map(async (name) => {
      await world.tenant(name, { classRef: { name: className } });
      await world.ready(name);
      await world.agent(name, 'support');
      await world.agentReady(name, 'support');
    }),
  );
  await operator.cluster.patch(kinds.tenants, { name: 'three' }, { metadata: { labels: { canary: 'yes' } } });
  return (await classIs('Ready')).status?.wantedRevision ?? '';
}

const classIs = (reason: string): Promise<kinds.TenantClass> =>
  until(
    `the class to be ${reason}`,
    async () => {
      const seen = await operator.cluster.get(kinds.tenantClasses, { name: className });
      const current = seen?.status?.observedGeneration === seen?.metadata.generation;
      return current && findCondition(seen?.status?.conditions, 'Ready')?.reason === reason && seen;
    },
    patient,
  );

const revisionOf = async (name: string) => (await operator.cluster.get(kinds.tenants, { name }))?.status?.classRevision;
const revisionsNow = async () => Object.fromEntries(await Promise.all(names.map(async (name) => [name, await revisionOf(name)] as const)));
const cpuOf = async (name: string) =>
  /"requests.cpu":"([^"]+)"/.exec(JSON.stringify(await world.get(kinds.resourceQuotas, namespaceOf(name), 'tenant')))?.[1];

test('a change reaches the canary first, then one tenant after the other, agents included', async () => {
  const before = await prepare({ ...good, rollout: { ...waves, pauseSeconds: 3 } });
  await setClass({ ...better, rollout: { ...waves, pauseSeconds: 3 } });
  const pausing = await classIs('WavePause');
  const wanted = pausing.status?.wantedRevision ?? '';
  expect(wanted).not.toBe(before);
  expect(await revisionsNow()).toEqual({ one: before, two: before, three: wanted });
  expect([await cpuOf('three'), await cpuOf('one')]).toEqual(['1500m', '2']);
  expect(pausing.status).toMatchObject({
    tenants: 3,
    updatedTenants: 1,
    currentRevision: before,
    rollout: { wave: 1, tenants: ['three'] },
  });
  expect(findCondition(pausing.status?.conditions, 'Reconciling')?.status).toBe('True');

  const done = await classIs('Ready');
  expect(await revisionsNow()).toEqual({ one: wanted, two: wanted, three: wanted });
  expect(done.status).toMatchObject({ updatedTenants: 3, currentRevision: wanted, wantedRevision: wanted });
  expect(done.status?.rollout).toBeUndefined();
  for (const name of names) expect((await world.get(kinds.agentConfigs, namespaceOf(name), 'support'))?.status?.classRevision).toBe(wanted);
  await untilQuiet(operator.writes);
  await pause(1_500);
  await operator.restart();
  await pause(1_500);
  expect(operator.writes()).toEqual([]);
});

test.each([2, '40%'])('a wave of %s of three tenants takes two at once', async (waveSize) => {
  const before = await prepare();
  const rollout = { ...waves, canary: undefined, waveSize, pauseSeconds: 3600 };
  await setClass({ ...better, rollout });
  const { status } = await classIs('WavePause');
  expect(status).toMatchObject({ updatedTenants: 2, rollout: { wave: 1 } });
  const moved = Object.values(await revisionsNow()).filter((revision) => revision !== before);
  expect(moved).toEqual([status?.wantedRevision, status?.wantedRevision]);
});

test('a change that hurts stops at the canary; newcomers get what was good; editing back needs no hands', async () => {
  const before = await prepare();
  await setClass(bad);
  const stopped = await classIs('RolloutStopped');
  expect(findCondition(stopped.status?.conditions, 'Stalled')).toMatchObject({
    status: 'True',
    message: expect.stringMatching(/: three;/) as unknown,
  });
  expect(await revisionsNow()).toMatchObject({ one: before, two: before });
  await world.tenant('four', { classRef: { name: className } });
  await world.ready('four');
  expect(await revisionOf('four')).toBe(before);

  await setClass(good);
  const back = await classIs('Ready');
  expect(back.status).toMatchObject({ wantedRevision: before, currentRevision: before, updatedTenants: 4 });
  for (const name of names) await world.ready(name);
  expect(await revisions()).toHaveLength(2);
});

test('an edit during a rollout takes its place', async () => {
  const before = await prepare();
  const slow = { ...waves, pauseSeconds: 3600 };
  await setClass({ ...better, rollout: slow });
  const first = (await classIs('WavePause')).status?.wantedRevision;
  await setClass({ ...good, defaults: { ...good.defaults, quota: { cpu: '1200m' } }, rollout: slow });
  const second = (
    await until(
      'the second wave',
      async () => {
        const seen = await classIs('WavePause');
        return seen.status?.wantedRevision !== first && seen;
      },
      patient,
    )
  ).status?.wantedRevision;
  expect(await revisionsNow()).toEqual({ one: before, two: before, three: second });
  await setClass({ ...good, defaults: { ...good.defaults, quota: { cpu: '1200m' } } });
  await classIs('Ready');
  expect(new Set(Object.values(await revisionsNow()))).toEqual(new Set([second]));
});

test('a held class moves nobody, one without rollout everybody, and a pinned tenant stays', async () => {
  const before = await prepare();
  await setClass({ ...better, rollout: { ...waves, paused: true } });
  await classIs('RolloutPaused');
  expect(new Set(Object.values(await revisionsNow()))).toEqual(new Set([before]));
  await operator.cluster.patch(kinds.tenants, { name: 'one' }, { spec: { classRef: { name: className, revision: before } } });
  await setClass({ ...better, rollout: undefined });
  const done = await classIs('Ready');
  const wanted = done.status?.wantedRevision;
  expect(await revisionsNow()).toEqual({ one: before, two: wanted, three: wanted });
  expect(done.status).toMatchObject({ pinnedTenants: 1, updatedTenants: 2 });
  const pinned = findCondition((await world.ready('one')).status?.conditions, 'QuotaReady');
  expect(pinned?.message).toMatch(/to which spec\.classRef\.revision pins the tenant/);

  await operator.cluster.patch(kinds.tenants, { name: 'one' }, { spec: { classRef: { name: className, revision: `${className}-none` } } });
  expect((await world.unready('one', 'RevisionUnknown')).message).toMatch(/it stays on op-rolling-/);
  expect(await revisionOf('one')).toBe(before);
  await operator.cluster.patch(kinds.tenants, { name: 'one' }, { spec: { classRef: { name: className, revision: null } } });
  await until('it to follow', async () => (await revisionOf('one')) === wanted, patient);
});

test('a rollout ends right when the operator dies after some of its writes', { timeout: 180_000 }, async () => {
  await prepare();
  const quick = { ...waves, canary: undefined };
  let died = true;
  for (let writes = 0; died; writes += 3) {
    operator.dieAfter(writes);
    await setClass({ defaults: { ...good.defaults, quota: { cpu: `${1000 + writes}m` } }, rollout: quick });
    const done = until('the end of it', async () => (await cpuOf('two')) === `${1000 + writes}m`, patient).catch(() => undefined);
    await Promise.race([done, until('its death', () => operator.died(), patient)]);
    died = operator.died();
    await operator.restart();
    const { status } = await classIs('Ready');
    expect(new Set(Object.values(await revisionsNow()))).toEqual(new Set([status?.wantedRevision]));
  }
  await until('old revisions to be forgotten', async () => (await revisions()).length <= 6);
});
