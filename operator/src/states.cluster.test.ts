/** Suspended, Archived and back, and data that outlives its tenant: against a real API server, Postgres and Redis. */
import { documentKey, namespaces, parseDocument, tenantObjectName, tenantPolicy } from '@cloister/tenancy';
import { Redis } from 'ioredis';
import type { BaseObject, Kind } from 'kube-runtime';
import pg from 'pg';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import * as kinds from './kinds.ts';
import { runOperator, startTimeoutMs, type RunningOperator } from './testing/operator.fixture.ts';
import { TenantWorld } from './testing/tenants.fixture.ts';
import { inTurn } from './testing/servers.fixture.ts';
import { until, untilQuiet } from './testing/until.fixture.ts';

const namespace = 'tenant-one';
const name = tenantObjectName('one');
let operator: RunningOperator;
let world: TenantWorld;
beforeAll(async () => {
  operator = await runOperator();
  world = new TenantWorld(operator.cluster);
  await world.prepare();
}, startTimeoutMs);
afterEach(() => world.removeTenants());
afterAll(async () => {
  await world.removeAll();
  await operator.stop();
});

const setState = (state: string) => operator.cluster.patch(kinds.tenants, { name: 'one' }, { spec: { state } });

async function inDatabase(statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: await world.secret(namespace, 'database', 'url') });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}

async function redisAnswers(): Promise<boolean> {
  const url = (await world.secret(namespace, 'redis', 'url')) ?? '';
  const client = new Redis(url, { lazyConnect: true, enableReadyCheck: false, maxRetriesPerRequest: 0, retryStrategy: () => null });
  client.on('error', () => undefined);
  try {
    await client.ping();
    return true;
  } catch {
    return false;
  } finally {
    client.disconnect();
  }
}

async function tenantWithData(): Promise<void> {
  await world.tenant('one');
  await world.ready('one');
  await world.agent('one', 'support', { scaling: { min: 2, max: 3 } });
  await world.agentReady('one', 'support');
  await inDatabase(`CREATE TABLE IF NOT EXISTS memories (text text); INSERT INTO memories VALUES ('kept')`);
}

/** Waits for a Ready for this reason, of the spec as it is now. */
const settled = (reason: string) =>
  until(`the Tenant to be Ready for ${reason}`, async () => {
    const tenant = await world.ready('one');
    return tenant.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.reason === reason) && tenant;
  });

const agentReason = async () => (await world.agentReady('one', 'support')).status?.conditions?.find(({ type }) => type === 'Ready')?.reason;

const policy = async () =>
  parseDocument(tenantPolicy, 'policy', (await world.get(kinds.configMaps, namespaces.system, name))?.data?.[documentKey]);

const waysIn = async () =>
  [
    await world.get(kinds.ingresses, namespaces.system, name),
    await world.get(kinds.secrets, namespaces.access, name),
    await world.get(kinds.services, namespace, 'support'),
  ].filter((object) => object !== undefined).length;

const whatRuns: readonly Kind<BaseObject>[] = [kinds.deployments, kinds.horizontalPodAutoscalers, kinds.podDisruptionBudgets];
const workloads = async () => (await Promise.all(whatRuns.map((of) => operator.cluster.list(of, { namespace })))).flat().length;

async function expectArchived(): Promise<void> {
  await settled('Archived');
  await until('the workloads to go', async () => (await workloads()) === 0);
  await until('the AgentConfig to say why', async () => (await agentReason()) === 'Archived');
  expect(await waysIn()).toBe(0);
  expect(await policy()).toMatchObject({ state: 'Archived', hosts: [], agents: [] });
  await expect(inDatabase('SELECT 1')).rejects.toThrow(/password authentication failed/);
  expect(await redisAnswers()).toBe(false);
}

async function expectActive(): Promise<void> {
  await settled('Ready');
  await until('the agent to run', async () => (await agentReason()) === 'Ready');
  expect([await waysIn(), await workloads()]).toEqual([3, 3]);
  expect(await policy()).toMatchObject({ state: 'Active', agents: [{ name: 'support' }] });
  expect(await inDatabase('SELECT text FROM memories')).toEqual([{ text: 'kept' }]);
  expect(await redisAnswers()).toBe(true);
}

describe('an archived tenant', () => {
  test('lets nobody in, runs nothing and keeps everything; Active again, keys and data are the same', async () => {
    await tenantWithData();
    const before = await world.secretsOf('one');
    const session = new pg.Client({ connectionString: before['database'] });
    session.on('error', () => undefined);
    await session.connect();
    await setState('Archived');
    await expectArchived();
    await expect(session.query('SELECT 1')).rejects.toThrow();
    expect(await world.secretsOf('one')).toEqual(before);
    const walls: readonly (readonly [Kind<BaseObject>, string])[] = [
      [kinds.resourceQuotas, 'tenant'],
      [kinds.networkPolicies, 'default-deny'],
      [kinds.networkPolicies, 'agents'],
    ];
    for (const [of, kept] of walls) expect(await world.get(of, namespace, kept)).toBeDefined();
    await setState('Active');
    await expectActive();
    expect(await world.secretsOf('one')).toEqual(before);
  });

  test('costs no write while it stays so, and is put right when somebody opens its database', async () => {
    await tenantWithData();
    await setState('Archived');
    await expectArchived();
    await untilQuiet(operator.writes);
    await pause(1_500);
    await operator.restart();
    await pause(1_500);
    expect(operator.writes()).toEqual([]);
    const { username, password, pathname } = new URL((await world.secretsOf('one'))['database'] ?? '');
    const login = `"${decodeURIComponent(username)}"`;
    await world.inPostgres(
      inTurn(`CREATE ROLE ${login} LOGIN PASSWORD '${password}' IN ROLE t_one; GRANT CONNECT ON DATABASE ${pathname.slice(1)} TO ${login}`),
    );
    await inDatabase('SELECT 1');
    await operator.restart(); // what was looked at a while ago is not looked at again before its time
    await until('nobody to get in', () =>
      inDatabase('SELECT 1').then(
        () => false,
        () => true,
      ),
    );
  });

  test('needs no class', async () => {
    await operator.cluster.create(kinds.tenantClasses, {
      metadata: { name: 'op-fleeting' },
      spec: { defaults: { models: { allow: ['op-offline/echo'] } } },
    });
    await world.tenant('one', { classRef: { name: 'op-fleeting' } });
    await world.ready('one');
    await world.agent('one', 'support');
    await world.agentReady('one', 'support');
    await operator.cluster.delete(kinds.tenantClasses, { name: 'op-fleeting' });
    await world.unready('one', 'ClassNotFound');
    await setState('Archived');
    await until('nothing to run', async () => (await workloads()) === 0 && (await waysIn()) === 0);
    await until('the database to be closed', () =>
      inDatabase('SELECT 1').then(
        () => false,
        (error: unknown) => /password authentication failed/.test(String(error)),
      ),
    );
  });

  test('goes like any other', async () => {
    await tenantWithData();
    await setState('Archived');
    await expectArchived();
    await operator.cluster.delete(kinds.tenants, { name: 'one' });
    await world.gone('one');
    expect(await world.dataOf('one')).toEqual({ roles: 0, schemas: 0, users: 0 });
    expect(await world.get(kinds.configMaps, namespaces.system, name)).toBeUndefined();
  });
});

describe('changes of state end as the last one says', () => {
  test.each([
    [['Archived', 'Active']],
    [['Suspended', 'Archived', 'Active', 'Suspended', 'Active']],
    [['Archived', 'Active', 'Archived']],
    [['Suspended', 'Archived']],
  ])('%j without a pause', async (states) => {
    await tenantWithData();
    for (const state of states) await setState(state);
    await (states.at(-1) === 'Active' ? expectActive() : expectArchived());
  });

  test('when the operator dies after some of its writes', { timeout: 180_000 }, async () => {
    await tenantWithData();
    const change = async (state: 'Active' | 'Archived', writes: number): Promise<boolean> => {
      operator.dieAfter(writes);
      await setState(state);
      const done = state === 'Active' ? expectActive() : expectArchived();
      await Promise.race([done.catch(() => undefined), until('its death', () => operator.died(), 60_000)]);
      const died = operator.died();
      await operator.restart();
      await (state === 'Active' ? expectActive() : expectArchived());
      return died;
    };
    let writes = 0;
    for (let died = true; died; writes += 2) died = [await change('Archived', writes), await change('Active', writes + 1)].some(Boolean);
    expect(writes).toBeGreaterThan(8);
  });
});

describe('a tenant that is deleted with deletionPolicy Retain', () => {
  test('leaves schema and role, closed and marked, to a successor who is told how to take them over', async () => {
    await world.tenant('one', { deletionPolicy: 'Retain' });
    const { uid } = (await world.ready('one')).metadata;
    await inDatabase(`CREATE TABLE memories (text text); INSERT INTO memories VALUES ('kept')`);
    const url = await world.secret(namespace, 'database', 'url');
    await operator.cluster.delete(kinds.tenants, { name: 'one' });
    await world.gone('one');
    expect(await world.dataOf('one')).toEqual({ roles: 1, schemas: 1, users: 0 });
    await expect(new pg.Client({ connectionString: url }).connect()).rejects.toThrow(/password authentication failed/);
    expect(await world.get(kinds.namespaceKind, undefined, namespace)).toBeUndefined();
    const told = await until('the Event', () => world.eventNote('one', 'DataRetained'));
    expect(told).toMatch(/schema and role "t_one" stay in database ".*" at .*:\d+, closed to everybody and marked with uid/);
    expect(told).toContain(uid);

    await world.tenant('one');
    const { message } = await world.unready('one', 'DataTaken');
    const [, handOver = ''] = /To hand both over: (.*;.*?)\. To drop/.exec(message) ?? [];
    await world.inPostgres(handOver);
    await operator.cluster.patch(kinds.tenants, { name: 'one' }, { spec: { displayName: 'look again' } });
    await world.ready('one');
    expect(await inDatabase('SELECT text FROM memories')).toEqual([{ text: 'kept' }]);
  });

  test('tells of it when it was archived before', async () => {
    await world.tenant('one', { state: 'Archived', deletionPolicy: 'Retain' });
    await settled('Archived');
    await setState('Active');
    await settled('Ready');
    await setState('Archived');
    await settled('Archived');
    await operator.cluster.delete(kinds.tenants, { name: 'one' });
    await world.gone('one');
    await until('the Event', () => world.eventNote('one', 'DataRetained'));
    expect(await world.dataOf('one')).toMatchObject({ roles: 1, schemas: 1 });
    await world.dropData('one');
  });
});
