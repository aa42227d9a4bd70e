/** Bad input and broken surroundings: each is shown as a condition with field and remedy, heals when put right, and harms no other tenant. */
import { documentKey, namespaces, parseDocument, tenantAccess, tenantPolicy } from '@cloister/tenancy';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { base64 } from './child.ts';
import * as kinds from './kinds.ts';
import { runOperator, startTimeoutMs, writeRedisSecret, type RunningOperator } from './testing/operator.fixture.ts';
import { testRedisURL } from './testing/servers.fixture.ts';
import { TenantWorld } from './testing/tenants.fixture.ts';
import { until } from './testing/until.fixture.ts';

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

const patch = (name: string, spec: object) => operator.cluster.patch(kinds.tenants, { name }, { spec });

test('a class that does not exist', async () => {
  await world.tenant('one', { classRef: { name: 'gold' } });
  expect((await world.unready('one', 'ClassNotFound')).message).toMatch(/spec\.classRef\.name is "gold"/);
  expect(await world.get(kinds.namespaceKind, undefined, 'tenant-one')).toBeUndefined();
  await operator.cluster.create(kinds.tenantClasses, { metadata: { name: 'gold' }, spec: {} });
  await world.ready('one');
  await operator.cluster.delete(kinds.tenantClasses, { name: 'gold' });
  await world.unready('one', 'ClassNotFound');
  expect(await world.get(kinds.networkPolicies, 'tenant-one', 'default-deny')).toBeDefined();
});

test('two default classes', async () => {
  await operator.cluster.create(kinds.tenantClasses, { metadata: { name: 'op-second' }, spec: { default: true } });
  await world.tenant('one');
  expect((await world.unready('one', 'SeveralDefaults')).message).toMatch(/op-second, op-starter/);
  await operator.cluster.delete(kinds.tenantClasses, { name: 'op-second' });
  await world.ready('one');
});

test('a missing Secret: no caller gets in by it, others by their keys as before', async () => {
  await world.tenant('one', { access: { hs256: { secretRef: { name: 'jwt', key: 'secret' } } } });
  expect((await world.unready('one', 'SecretMissing')).message).toMatch(
    /Secret "jwt" in namespace "tenant-one".*create it with key "secret"/,
  );
  const access = async () => parseDocument(tenantAccess, 'access', await world.secret(namespaces.access, 'tenant-one', documentKey));
  expect(await access()).toMatchObject({ apiKeys: [{ name: 'default' }] });
  expect((await access()).hs256).toBeUndefined();
  const metadata = { name: 'jwt', namespace: 'tenant-one', labels: { 'cloister.dev/tenant': 'one' } };
  await operator.cluster.create(kinds.secrets, { metadata, data: { secret: base64('s'.repeat(32)) } });
  await world.ready('one');
  expect((await access()).hs256).toEqual({ secret: 's'.repeat(32), scopes: ['chat'] });
});

test('a namespace of its name that is not its own, until an administrator hands it over', async () => {
  await operator.cluster.create(kinds.namespaceKind, { metadata: { name: 'tenant-one' } });
  await world.tenant('one');
  await world.tenant('two');
  await world.ready('two');
  await world.unready('one', 'NamespaceTaken');
  expect(await operator.cluster.list(kinds.networkPolicies, { namespace: 'tenant-one' })).toEqual([]);
  await operator.cluster.patch(kinds.namespaceKind, { name: 'tenant-one' }, { metadata: { labels: { 'cloister.dev/tenant': 'one' } } });
  await world.ready('one');
  await operator.cluster.delete(kinds.tenants, { name: 'one' });
  await world.gone('one');
  await operator.cluster.delete(kinds.namespaceKind, { name: 'tenant-one' });
});

test('a host that another tenant has, until it is free', async () => {
  await world.tenant('one', { network: { host: 'chat.example' } });
  await world.ready('one');
  await new Promise((resolve) => setTimeout(resolve, 1_100)); // creation times have a resolution of one second
  await world.tenant('two', { network: { host: 'chat.example' } });
  expect((await world.unready('two', 'HostTaken')).message).toMatch(/host "chat\.example" belongs to tenant "one"/);
  await world.ready('one');
  const policy = async () =>
    parseDocument(tenantPolicy, 'policy', (await world.get(kinds.configMaps, namespaces.system, 'tenant-two'))?.data?.[documentKey]);
  await until('a policy without the host', async () => (await policy()).hosts.length === 0);
  expect(await world.get(kinds.ingresses, namespaces.system, 'tenant-two')).toBeUndefined();
  await patch('one', { network: null });
  await world.ready('two');
  await until('a policy with the host', async () => (await policy()).hosts[0] === 'chat.example');
});

test('a model that no provider offers is pointed out, and keeps nobody from being Ready', async () => {
  await world.tenant('one', { models: { allow: ['op-offline/echo', 'openai/gpt-5'] } });
  const tenant = await world.ready('one');
  const advice = tenant.status?.conditions?.find(({ type }) => type === 'ModelsReady');
  expect(advice).toMatchObject({ status: 'False', reason: 'ModelUnknown' });
  expect(advice?.message).toMatch(/spec\.models\.allow has "openai\/gpt-5"/);
});

test("a provider without its credentials; the Secret's value never reaches the operator", async () => {
  const model = { name: 'm', contextWindow: 10, maxOutputTokens: 5, price: { inputPerMillion: 1, outputPerMillion: 1 } };
  const spec = { type: 'OpenAI', credentials: { secretRef: { name: 'op-openai', key: 'key' } }, models: [model] };
  await operator.cluster.create(kinds.modelProviders, { metadata: { name: 'op-openai' }, spec });
  const reason = async () =>
    (await operator.cluster.get(kinds.modelProviders, { name: 'op-openai' }))?.status?.conditions?.find(({ type }) => type === 'Ready')
      ?.reason;
  await until('the condition', async () => (await reason()) === 'SecretMissing');
  await operator.cluster.create(kinds.secrets, {
    metadata: { name: 'op-openai', namespace: namespaces.providers },
    data: { key: base64('k') },
  });
  await until('the provider to be Ready', async () => (await reason()) === 'Ready');
  await operator.cluster.delete(kinds.secrets, { name: 'op-openai', namespace: namespaces.providers });
  await operator.cluster.delete(kinds.modelProviders, { name: 'op-openai' });
});

describe('a Redis that is away', () => {
  test('is named in the status; what needs it not goes on, and all is Ready soon after its return', async () => {
    await writeRedisSecret(operator.cluster, 'redis://default:hunter2@127.0.0.1:1');
    await world.tenant('one');
    const { message } = await world.unready('one', 'DataUnreachable');
    expect(message).toMatch(/Redis at 127\.0\.0\.1:1: /);
    expect(message).not.toContain('hunter2');
    expect(await world.get(kinds.resourceQuotas, 'tenant-one', 'tenant')).toBeDefined();
    await patch('one', { quota: { pods: 7 } });
    await until('the quota', async () =>
      JSON.stringify(await world.get(kinds.resourceQuotas, 'tenant-one', 'tenant')).includes('"pods":"7"'),
    );
    await writeRedisSecret(operator.cluster, testRedisURL().href);
    await world.ready('one');
  });
});

test('data of an earlier Tenant of its name, whose deletion was forced, is not given to it', async () => {
  await world.tenant('one');
  await world.ready('one');
  await operator.restart(() => world.forceAway('one'));
  await world.tenant('one');
  expect((await world.unready('one', 'DataTaken')).message).toMatch(/"t_one" in Postgres belongs to another Tenant/);
  await world.dropData('one');
  await patch('one', { displayName: 'look again' });
  await world.ready('one');
});
