/** Keys that are taken away, on replicas that follow a real API server. Needs CLOISTER_TEST_KUBECONFIG. */
import { createApiKey, hashApiKey, parseApiKey } from '@cloister/identity';
import { documentKey, documentKinds, labels, tenantAccess, type TenantAccess } from '@cloister/tenancy';
import { createLogger } from '@cloister/telemetry';
import { connect, kind, type BaseObject, type Cluster } from 'kube-runtime';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { followSecrets } from '../directory/follow.ts';
import { policyOf } from '../policy.fixture.ts';
import { edgeUnderTest, type EdgeUnderTest } from './edge.fixture.ts';

interface Holder extends BaseObject {
  readonly data?: Readonly<Record<string, string>>;
}
const secrets = kind<Holder>('v1', 'Secret');
const namespaces = kind('v1', 'Namespace');
const namespace = `access-${randomBytes(4).toString('hex')}`;
const log = createLogger({ name: 'edge', destination: { write: () => undefined } });

let writer: Cluster;
let replicas: readonly { readonly edge: EdgeUnderTest; readonly cluster: Cluster }[];

beforeAll(async () => {
  const kubeconfig = process.env['CLOISTER_TEST_KUBECONFIG'];
  if (!kubeconfig) throw new Error('set CLOISTER_TEST_KUBECONFIG to a kubeconfig that may do everything, or use "make test"');
  writer = await connect({ kubeconfig });
  await writer.apply(namespaces, { metadata: { name: namespace } });
  replicas = await Promise.all(
    ['one', 'two'].map(async () => {
      const cluster = await connect({ kubeconfig });
      const edge = await edgeUnderTest();
      edge.policies.put('tenant-acme', policyOf('acme'));
      const documents = { schema: tenantAccess, documentKind: documentKinds.access, namespace, into: edge.access, log };
      const informer = followSecrets(cluster, documents);
      cluster.startInformers();
      await informer.whenSynced();
      return { edge, cluster };
    }),
  );
});
afterAll(async () => {
  await Promise.all(replicas.map(({ edge, cluster }) => Promise.all([edge[Symbol.asyncDispose](), cluster.close()])));
  await writer.delete(namespaces, { name: namespace });
  await writer.close();
});

const entryOf = (key: string): TenantAccess['apiKeys'][number] => ({
  id: parseApiKey(key)?.id ?? '',
  name: 'default',
  hash: hashApiKey(key),
  scopes: ['chat'],
});
const put = (keys: readonly string[]) => {
  const document: TenantAccess = { tenant: 'acme', apiKeys: keys.map(entryOf), oidc: [] };
  return writer.apply(secrets, {
    metadata: { name: 'tenant-acme', namespace, labels: { [labels.document]: documentKinds.access } },
    data: { [documentKey]: Buffer.from(JSON.stringify(document)).toString('base64') },
  });
};
const statusesOf = (key: string) =>
  Promise.all(replicas.map(async ({ edge }) => (await fetch(`${edge.url}/v1/models`, { headers: { 'x-api-key': key } })).status));
/** What operator and gateway promise: a change is in force within a second, on every replica. */
const soon = (key: string, status: number) =>
  vi.waitFor(async () => expect(await statusesOf(key)).toEqual([status, status]), { timeout: 1000, interval: 10 });

test('a key is in force on every replica within a second of being written, and out of it within a second of being taken away', async () => {
  const [kept, revoked] = [createApiKey('acme'), createApiKey('acme')];
  await put([kept, revoked]);
  await soon(revoked, 200);
  await put([kept]);
  await soon(revoked, 401);
  expect(await statusesOf(kept)).toEqual([200, 200]);
  await writer.delete(secrets, { name: 'tenant-acme', namespace });
  await soon(kept, 401);
});
