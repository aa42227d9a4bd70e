/** The operator as a whole, against a real API server, Postgres and Redis. */
import {
  documentKey,
  namespaceOf,
  namespaces,
  parseDocument,
  tenantAccess,
  tenantObjectName,
  tenantPolicy,
  tenantSecrets,
} from '@cloister/tenancy';
import { hashApiKey } from '@cloister/identity';
import { Redis } from 'ioredis';
import pg from 'pg';
import { findCondition, type BaseObject, type Kind } from 'kube-runtime';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { base64 } from './child.ts';
import * as kinds from './kinds.ts';
import { isReady } from './status/conditions.ts';
import { runOperator, startTimeoutMs, type RunningOperator } from './testing/operator.fixture.ts';
import { TenantWorld } from './testing/tenants.fixture.ts';
import { until, untilQuiet } from './testing/until.fixture.ts';

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

describe('a Tenant', () => {
  test('is Ready within ten seconds, with everything that is its own', async () => {
    const began = performance.now();
    await world.tenant('one');
    const tenant = await world.ready('one');
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(tenant.status).toMatchObject({ namespace: 'tenant-one', class: 'op-starter', endpoint: 'http://one.cloister.localhost' });
    const policy = parseDocument(
      tenantPolicy,
      'the policy',
      (await world.get(kinds.configMaps, namespaces.system, 'tenant-one'))?.data?.[documentKey],
    );
    expect(policy).toMatchObject({
      tenant: 'one',
      uid: tenant.metadata.uid,
      models: ['op-offline/echo'],
      hosts: ['one.cloister.localhost'],
    });
    const access = parseDocument(tenantAccess, 'access', await world.secret(namespaces.access, 'tenant-one', documentKey));
    const key = await world.secret('tenant-one', tenantSecrets.apiKey('default'), 'key');
    expect(access.apiKeys).toMatchObject([{ name: 'default', hash: hashApiKey(key ?? ''), scopes: ['chat', 'settings'] }]);
  });

  test('can use the database and the Redis that its Secrets name, and its own part of them alone', async () => {
    await world.tenant('one');
    await world.ready('one');
    const database = new pg.Client({ connectionString: await world.secret('tenant-one', 'database', 'url') });
    await database.connect();
    expect(await database.query('CREATE TABLE t (i int); SELECT current_schema() AS schema')).toMatchObject([
      {},
      { rows: [{ schema: 't_one' }] },
    ]);
    await database.end();
    const redis = new Redis((await world.secret('tenant-one', 'redis', 'url')) ?? '', { enableReadyCheck: false });
    await redis.set('t:one:k', 'v');
    await expect(redis.get('t:two:k')).rejects.toThrow(/NOPERM/);
    redis.disconnect();
  });

  test('follows an edit of its quota within a second', async () => {
    await world.tenant('one');
    await world.ready('one');
    await operator.cluster.patch(kinds.tenants, { name: 'one' }, { spec: { quota: { cpu: '1500m' } } });
    await until(
      'the new quota',
      async () => JSON.stringify(await world.get(kinds.resourceQuotas, 'tenant-one', 'tenant')).includes('"requests.cpu":"1500m"'),
      1_000,
    );
  });

  test('is held to the ceiling of its class, and its status names field and both numbers', async () => {
    await world.tenant('one', { quota: { cpu: 9 } });
    expect((await world.unready('one', 'AboveClassCeiling')).message).toMatch(/spec\.quota\.cpu is 9, above the 2 of class "op-starter"/);
    expect(JSON.stringify(await world.get(kinds.resourceQuotas, 'tenant-one', 'tenant'))).toContain('"requests.cpu":"2"');
  });

  test('loses an API key as soon as its entry is taken away', async () => {
    await world.tenant('one', { access: { apiKeys: [{ name: 'a' }, { name: 'b' }] } });
    await world.ready('one');
    await operator.cluster.patch(kinds.tenants, { name: 'one' }, { spec: { access: { apiKeys: [{ name: 'a' }] } } });
    await until('the Secret to go', async () => !(await world.get(kinds.secrets, 'tenant-one', tenantSecrets.apiKey('b'))), 1_000);
    const access = parseDocument(tenantAccess, 'access', await world.secret(namespaces.access, 'tenant-one', documentKey));
    expect(access.apiKeys.map(({ name }) => name)).toEqual(['a']);
  });
});

describe('what somebody deletes is back within a second', () => {
  const own = namespaceOf('one');
  test.each<[string, Kind<BaseObject>, string, string]>([
    ['the policy that denies all', kinds.networkPolicies, own, 'default-deny'],
    ['the policy of the agents', kinds.networkPolicies, own, 'agents'],
    ['the quota', kinds.resourceQuotas, own, 'tenant'],
    ['the limit range', kinds.limitRanges, own, 'tenant'],
    ['the ServiceAccount', kinds.serviceAccounts, own, 'agent'],
    ['a Role', kinds.roles, own, 'cloister-owner'],
    ['an API key', kinds.secrets, own, tenantSecrets.apiKey('default')],
    ['the database credentials', kinds.secrets, own, tenantSecrets.database],
    ['the policy document', kinds.configMaps, namespaces.system, tenantObjectName('one')],
    ['the access document', kinds.secrets, namespaces.access, tenantObjectName('one')],
    ['the Ingress', kinds.ingresses, namespaces.system, tenantObjectName('one')],
  ])('%s', async (_, of, namespace, name) => {
    await world.tenant('one', { owners: [{ kind: 'User', name: 'jane', role: 'owner' }] });
    await world.ready('one');
    const before = await world.get(of, namespace, name);
    await operator.cluster.delete(of, { name, namespace });
    await until(
      `${of.kind} ${name}`,
      async () => ((await world.get(of, namespace, name))?.metadata.uid ?? before?.metadata.uid) !== before?.metadata.uid,
      1_000,
    );
    await world.ready('one');
  });
});

test('what somebody edits is put right within a second', async () => {
  await world.tenant('one');
  await world.ready('one');
  const key = { name: 'agents', namespace: 'tenant-one' };
  await operator.cluster.patch(kinds.networkPolicies, key, [{ op: 'add', path: '/spec/egress/-', value: {} }]);
  await until(
    'the extra rule to go',
    async () =>
      JSON.stringify(await operator.cluster.get(kinds.networkPolicies, key)).match(/"to":/g)?.length === 4 &&
      !JSON.stringify(await operator.cluster.get(kinds.networkPolicies, key)).includes('{}]'),
    1_000,
  );
  const access = { name: 'tenant-one', namespace: namespaces.access };
  await operator.cluster.patch(kinds.secrets, access, { data: { [documentKey]: base64('{"tenant":"one","apiKeys":[],"oidc":[]}') } });
  await until('the keys', async () => ((await world.secret(namespaces.access, 'tenant-one', documentKey)) ?? '').includes('"hash"'), 1_000);
});

test('a policy of somebody else that opens more is named within a second, and no longer than it is there', async () => {
  await world.tenant('one');
  await world.ready('one');
  const key = { name: 'wide', namespace: 'tenant-one' };
  const tenant = () => world.get(kinds.tenants, undefined, 'one');
  const told = async (status: string) => findCondition((await tenant())?.status?.conditions, 'EgressWidened')?.status === status;
  await operator.cluster.create(kinds.networkPolicies, { metadata: key, spec: { podSelector: {}, policyTypes: ['Egress'], egress: [{}] } });
  await until('EgressWidened', () => told('True'), 1_000);
  expect((await tenant())?.status).toMatchObject({ isolation: 'Widened' });
  expect(findCondition((await tenant())?.status?.conditions, 'EgressWidened')?.message).toMatch(
    /"wide" spec\.egress\[0\].*everything on every port/,
  );
  expect(isReady((await tenant())?.status?.conditions)).toBe(true);
  await operator.cluster.delete(kinds.networkPolicies, key);
  await until('EgressWidened to go', () => told('False'), 1_000);
  expect((await tenant())?.status).toMatchObject({ isolation: 'Closed' });
});

describe('the operator writes nothing', () => {
  test('while nothing changes, and nothing after its restart', async () => {
    await world.tenant('one', { owners: [{ kind: 'User', name: 'jane', role: 'owner' }] });
    await world.ready('one');
    await world.agent('one', 'support');
    await world.agentReady('one', 'support');
    await world.ready('one');
    await untilQuiet(operator.writes);
    await pause(3_000);
    expect(operator.writes()).toEqual([]);
    await operator.restart();
    await pause(3_000);
    expect(operator.writes()).toEqual([]);
  });
});

describe('a Tenant that is deleted', () => {
  test('leaves nothing in Kubernetes, Postgres or Redis, and tells each step', async () => {
    await world.tenant('one');
    await world.ready('one');
    await world.agent('one', 'support');
    await world.agentReady('one', 'support');
    const url = await world.secret('tenant-one', 'database', 'url');
    await operator.cluster.delete(kinds.tenants, { name: 'one' });
    await world.gone('one');
    expect(await world.get(kinds.namespaceKind, undefined, 'tenant-one')).toBeUndefined();
    expect(await world.get(kinds.secrets, namespaces.access, 'tenant-one')).toBeUndefined();
    expect(await world.get(kinds.ingresses, namespaces.system, 'tenant-one')).toBeUndefined();
    expect(await world.get(kinds.configMaps, namespaces.system, 'tenant-one')).toBeUndefined();
    await expect(new pg.Client({ connectionString: url }).connect()).rejects.toThrow(/authentication failed/);
    expect(await world.dataOf('one')).toEqual({ roles: 0, schemas: 0, users: 0 });
    await until('the Events', async () => {
      const told = await world.eventReasons('one');
      return ['StoppingAgents', 'DataDropped', 'AccessRevoked', 'DeletingNamespace'].every((reason) => told.includes(reason));
    });
  });

  test('is not remembered by a second one of its name', async () => {
    await world.tenant('one');
    const first = await world.ready('one');
    const secrets = await world.secretsOf('one');
    await operator.cluster.delete(kinds.tenants, { name: 'one' });
    await world.gone('one');
    await world.tenant('one');
    const second = await world.ready('one');
    expect(second.metadata.uid).not.toBe(first.metadata.uid);
    for (const [name, value] of Object.entries(await world.secretsOf('one'))) expect(value).not.toBe(secrets[name]);
  });

  test('goes although it never became Ready', async () => {
    await world.tenant('one', { classRef: { name: 'no-such-class' } });
    await world.unready('one', 'ClassNotFound');
    await operator.cluster.delete(kinds.tenants, { name: 'one' });
    await world.gone('one');
  });

  test('leaves a foreign namespace of its name alone', async () => {
    await operator.cluster.create(kinds.namespaceKind, { metadata: { name: 'tenant-one', labels: { team: 'other' } } });
    await world.tenant('one');
    expect((await world.unready('one', 'NamespaceTaken')).message).toMatch(/label it cloister\.dev\/tenant=one to hand it over/);
    await operator.cluster.delete(kinds.tenants, { name: 'one' });
    await world.gone('one');
    const namespace = await world.get(kinds.namespaceKind, undefined, 'tenant-one');
    expect(namespace?.metadata).toMatchObject({ labels: { team: 'other' } });
    expect(namespace?.metadata.deletionTimestamp).toBeUndefined();
    await operator.cluster.delete(kinds.namespaceKind, { name: 'tenant-one' });
    await until('the namespace to go', async () => !(await world.get(kinds.namespaceKind, undefined, 'tenant-one')));
  });

  test('gives a namespace back that an administrator had lent it', async () => {
    await operator.cluster.create(kinds.namespaceKind, {
      metadata: { name: 'tenant-one', labels: { 'cloister.dev/tenant': 'one', team: 'other' } },
    });
    await world.tenant('one');
    await world.ready('one');
    await operator.cluster.delete(kinds.tenants, { name: 'one' });
    await world.gone('one');
    const namespace = await world.get(kinds.namespaceKind, undefined, 'tenant-one');
    expect(namespace?.metadata.deletionTimestamp).toBeUndefined();
    expect(await world.get(kinds.secrets, 'tenant-one', 'database')).toBeUndefined();
    await operator.cluster.delete(kinds.namespaceKind, { name: 'tenant-one' });
    await until('the namespace to go', async () => !(await world.get(kinds.namespaceKind, undefined, 'tenant-one')));
  });
});
