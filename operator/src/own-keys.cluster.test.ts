/** Tenants that bring keys of their own for model providers, on a real API server: from their Secrets to what egress reads, and what is said where that cannot be. */
import { documentKey, namespaces, ownKeys, parseDocument, tenantPolicy, type OwnKeys, type TenantPolicy } from '@cloister/tenancy';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { base64 } from './child.ts';
import * as kinds from './kinds.ts';
import { runOperator, startTimeoutMs, type RunningOperator } from './testing/operator.fixture.ts';
import { TenantWorld } from './testing/tenants.fixture.ts';
import { until } from './testing/until.fixture.ts';

const provider = 'op-keyed';
const object = { name: 'tenant-one', namespace: namespaces.ownKeys };
let operator: RunningOperator;
let world: TenantWorld;
beforeAll(async () => {
  operator = await runOperator();
  world = new TenantWorld(operator.cluster);
  await world.prepare();
  const model = { name: 'm', contextWindow: 10, maxOutputTokens: 5, price: { inputPerMillion: 1, outputPerMillion: 1 } };
  const spec = { type: 'OpenAICompatible', baseURL: 'https://x.example', models: [model] };
  await operator.cluster.create(kinds.modelProviders, { metadata: { name: provider }, spec });
}, startTimeoutMs);
afterEach(() => world.removeTenants());
afterAll(async () => {
  await operator.cluster.delete(kinds.modelProviders, { name: provider });
  await world.removeAll();
  await operator.stop();
});

const named = { providerKeys: [{ provider, secretRef: { name: 'openai', key: 'key' } }], models: { allow: [`${provider}/*`] } };
/** Labelled, the operator sees it at once. */
const secret = (key: string) => ({
  metadata: { name: 'openai', namespace: 'tenant-one', labels: { 'cloister.dev/tenant': 'one' } },
  data: { key: base64(key) },
});
const bring = (key: string) => operator.cluster.apply(kinds.secrets, secret(key));
const told = async (): Promise<OwnKeys | undefined> => {
  const text = await world.secret(object.namespace, object.name, documentKey);
  return text === undefined ? undefined : parseDocument(ownKeys, 'own keys', text);
};
const toldKey = (key: string | undefined) => until(`the key ${key}`, async () => (await told())?.keys[provider] === key);
const policyText = async () => (await world.get(kinds.configMaps, namespaces.system, 'tenant-one'))?.data?.[documentKey];
const policy = async (): Promise<TenantPolicy> => parseDocument(tenantPolicy, 'policy', await policyText());

test('a key is asked for until it is there, and told to egress alone; edited it is followed, and deleted it is used no more', async () => {
  await world.tenant('one', named);
  expect((await world.unready('one', 'SecretMissing')).message).toMatch(
    /spec\.providerKeys\[0\]\.secretRef names Secret "openai" in namespace "tenant-one".*create it with key "key".*calls of provider "op-keyed" fail/,
  );
  // The status tells of the Secret even while nothing is made yet, as before the class has a revision.
  await until('a policy', async () => (await policyText()) !== undefined);
  expect(await policy()).toMatchObject({ models: [`${provider}/m`], ownKeys: [provider] });
  expect(await told()).toMatchObject({ tenant: 'one', keys: {} });

  await bring('sk-first\n');
  const { metadata, status } = await world.ready('one');
  const statuses: unknown[] = [status];
  const noteStatus = async () => statuses.push((await operator.cluster.get(kinds.tenants, { name: 'one' }))?.status);
  expect(await told()).toEqual({ tenant: 'one', uid: metadata.uid, keys: { [provider]: 'sk-first' } });

  await bring('sk-second');
  await toldKey('sk-second');
  await noteStatus();
  await bring('no key at all');
  expect((await world.unready('one', 'SecretInvalid')).message).toMatch(/"key" can be no key of a provider/);
  await toldKey(undefined);
  await noteStatus();
  await operator.cluster.delete(kinds.secrets, { name: 'openai', namespace: 'tenant-one' });
  await world.unready('one', 'SecretMissing');
  await noteStatus();

  const notes = [...(await world.eventNotes('one', 'SecretInvalid')), ...(await world.eventNotes('one', 'SecretMissing'))];
  expect(notes).not.toEqual([]);
  const everything = JSON.stringify([statuses, notes, await operator.cluster.list(kinds.configMaps)]);
  for (const key of ['sk-first', 'sk-second', 'no key at all']) {
    expect(everything).not.toContain(key);
    expect(everything).not.toContain(base64(key).replace(/=+$/, ''));
  }
});

test('a key is told for the tenants that name it, and goes with its entry, its tenant and its archiving', async () => {
  await world.tenant('one', named);
  await world.unready('one', 'SecretMissing');
  await bring('sk-first');
  await toldKey('sk-first');
  const change = (spec: object) => operator.cluster.patch(kinds.tenants, { name: 'one' }, { spec });
  const isGone = () => until('the keys to be gone', async () => (await told()) === undefined);

  await change({ state: 'Archived' });
  await isGone();
  await change({ state: 'Active' });
  await toldKey('sk-first');
  await change({ providerKeys: null });
  await isGone();
  await until('a policy without it', async () => (await policy()).ownKeys === undefined);
  await change(named);
  await toldKey('sk-first');
  await operator.cluster.delete(kinds.tenants, { name: 'one' });
  await world.gone('one');
  await isGone();
});

test('what somebody else writes in the place of the keys, or takes away there, is put right', async () => {
  await world.tenant('one', named);
  await world.unready('one', 'SecretMissing');
  await bring('sk-first');
  await toldKey('sk-first');
  await operator.cluster.patch(kinds.secrets, object, { data: { [documentKey]: base64('{}') } });
  await toldKey('sk-first');
  await operator.cluster.delete(kinds.secrets, object);
  await toldKey('sk-first');
});
