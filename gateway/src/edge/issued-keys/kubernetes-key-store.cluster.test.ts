/** Issued keys, on replicas that keep them in a real API server. Needs CLOISTER_TEST_KUBECONFIG. */
import { documentKinds, issuedKey, type KnownKey } from '@cloister/tenancy';
import { createLogger } from '@cloister/telemetry';
import { connect, kind, type Cluster } from 'kube-runtime';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { IssuedKeyDirectory } from '../../directory/directory.ts';
import { followSecrets } from '../../directory/follow.ts';
import { secretsNow } from '../../directory/read-now.ts';
import { policyOf } from '../../policy.fixture.ts';
import { edgeUnderTest, type EdgeUnderTest } from '../edge.fixture.ts';
import { tellGoneKeys } from './gone-keys.ts';
import { kubernetesKeyStore } from './kubernetes-key-store.ts';

const namespaces = kind('v1', 'Namespace');
const secrets = kind('v1', 'Secret');
const namespace = `keys-${randomBytes(4).toString('hex')}`;
const log = createLogger({ name: 'edge', destination: { write: () => undefined } });
const made = z.looseObject({ id: z.string(), key: z.string() });

interface Replica {
  readonly edge: EdgeUnderTest;
  readonly cluster: Cluster;
}
let replicas: Replica[];
let admin: string;

beforeAll(async () => {
  const kubeconfig = process.env['CLOISTER_TEST_KUBECONFIG'];
  if (!kubeconfig) throw new Error('set CLOISTER_TEST_KUBECONFIG to a kubeconfig that may do everything, or use "make test"');
  const cluster = await connect({ kubeconfig });
  await cluster.apply(namespaces, { metadata: { name: namespace } });
  await cluster.close();
  const [first, second] = [await replica(kubeconfig), await replica(kubeconfig)];
  replicas = [first, second];
  admin = first.edge.addTenant('acme', {}, ['chat', 'admin']);
  second.edge.policies.put('tenant-acme', policyOf('acme'));
  second.edge.access.put('tenant-acme', first.edge.access.byTenant('acme') ?? { tenant: 'acme', apiKeys: [], oidc: [] });
});
afterAll(async () => {
  await replicas[0]?.cluster.delete(namespaces, { name: namespace });
  await Promise.all(replicas.map(stop));
});

async function replica(kubeconfig: string): Promise<Replica> {
  const cluster = await connect({ kubeconfig });
  const edge = await edgeUnderTest({ keyStore: kubernetesKeyStore(cluster, namespace) });
  const informer = followSecrets(cluster, {
    schema: issuedKey,
    documentKind: documentKinds.issuedKey,
    namespace,
    into: edge.access.issued,
    log,
  });
  cluster.startInformers();
  await informer.whenSynced();
  return { cluster, edge };
}
const stop = ({ edge, cluster }: Replica) => Promise.all([edge[Symbol.asyncDispose](), cluster.close()]);

const keysOf = ({ edge }: Replica, method: string, { id = '', body = undefined as object | undefined } = {}) =>
  fetch(`${edge.url}/api/v1/tenants/acme/keys${id}`, {
    method,
    headers: { 'x-api-key': admin },
    ...(body && { body: JSON.stringify(body) }),
  });
const statusesOf = (key: string) =>
  Promise.all(replicas.map(async ({ edge }) => (await fetch(`${edge.url}/v1/models`, { headers: { 'x-api-key': key } })).status));
const soon = (key: string, status: number) =>
  vi.waitFor(async () => expect(await statusesOf(key)).toEqual([status, status]), { timeout: 1000, interval: 10 });

test('a key that one replica issues is in force on all within a second, and out of it within a second of being revoked on another', async () => {
  const [first, second] = replicas;
  if (!first || !second) throw new Error('there are two replicas');
  const answer = await keysOf(first, 'POST', { body: { name: 'website', scopes: ['chat'] } });
  expect(answer.status).toBe(201);
  const { id, key } = made.parse(await answer.json());
  await soon(key, 200);
  const kept = await first.cluster.get(secrets, { namespace, name: `key-acme-${id}` });
  expect(JSON.stringify(kept)).not.toContain(key);
  expect(kept?.metadata.ownerReferences).toMatchObject([{ kind: 'Tenant', name: 'acme', uid: 'uid-acme' }]);
  expect((await keysOf(second, 'DELETE', { id: `/${id}` })).status).toBe(204);
  await soon(key, 401);
});

test('a replica that starts later, or again, knows what was issued before it and nothing that was revoked', async () => {
  const [first] = replicas;
  if (!first) throw new Error('there are two replicas');
  const issue = async () => made.parse(await (await keysOf(first, 'POST', { body: { name: 'a', scopes: ['chat'] } })).json());
  const [kept, revoked] = [await issue(), await issue()];
  await keysOf(first, 'DELETE', { id: `/${revoked.id}` });
  const later = await replica(process.env['CLOISTER_TEST_KUBECONFIG'] ?? '');
  try {
    expect(later.edge.access.issued.byId('acme', kept.id)?.name).toBe('a');
    expect(later.edge.access.issued.byId('acme', revoked.id)).toBeUndefined();
  } finally {
    await stop(later);
  }
});

test('a replica whose watch has told it of no key yet takes none to be gone that is there', async () => {
  const [first] = replicas;
  if (!first) throw new Error('there are two replicas');
  const issue = async () => made.parse(await (await keysOf(first, 'POST', { body: { name: 'a', scopes: ['chat'] } })).json()).id;
  const [kept, revoked] = [await issue(), await issue()];
  await keysOf(first, 'DELETE', { id: `/${revoked}` });
  const told: KnownKey[] = [];
  const known = [kept, revoked].map((id) => ({ tenant: 'acme', tenantUid: 'uid-acme', id }));
  await tellGoneKeys({ tellGone: (key) => void told.push(key) }, known, {
    followed: { head: () => undefined },
    now: secretsNow(first.cluster, issuedKey),
    keys: new IssuedKeyDirectory(),
    namespace,
  });
  expect(told.map(({ id }) => id)).toEqual([revoked]);
});
