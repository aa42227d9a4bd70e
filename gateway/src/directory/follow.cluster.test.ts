/** Directories that follow a real API server. Needs CLOISTER_TEST_KUBECONFIG. */
import { randomBytes } from 'node:crypto';
import { createLogger } from '@cloister/telemetry';
import { documentKinds, tenantPolicy, type TenantPolicy } from '@cloister/tenancy';
import { connect, kind, type BaseObject, type Cluster } from 'kube-runtime';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { policyOf } from '../policy.fixture.ts';
import { CredentialDirectory, PolicyDirectory } from './directory.ts';
import { followConfigMaps, followRawSecrets } from './follow.ts';

interface Holder extends BaseObject {
  readonly data?: Readonly<Record<string, string>>;
}
const configMaps = kind<Holder>('v1', 'ConfigMap');
const secrets = kind<Holder>('v1', 'Secret');
const namespaces = kind('v1', 'Namespace');

const namespace = `gateway-${randomBytes(4).toString('hex')}`;
const policies = new PolicyDirectory();
const credentials = new CredentialDirectory();
const lines: string[] = [];
let cluster: Cluster;

beforeAll(async () => {
  const kubeconfig = process.env['CLOISTER_TEST_KUBECONFIG'];
  if (!kubeconfig) throw new Error('set CLOISTER_TEST_KUBECONFIG to a kubeconfig that may do everything, or use "make test"');
  cluster = await connect({ kubeconfig });
  await cluster.apply(namespaces, { metadata: { name: namespace } });
  await cluster.create(secrets, { metadata: { name: 'early', namespace }, data: { key: Buffer.from('sk-early').toString('base64') } });
  const log = createLogger({ name: 'edge', destination: { write: (line) => void lines.push(line) } });
  const documents = { schema: tenantPolicy, documentKind: documentKinds.policy, namespace, into: policies, log };
  const informers = [followConfigMaps(cluster, documents), followRawSecrets(cluster, namespace, credentials)];
  cluster.startInformers();
  await Promise.all(informers.map((informer) => informer.whenSynced()));
});
afterAll(async () => {
  await cluster.delete(namespaces, { name: namespace });
  await cluster.close();
});

const write = (name: string, text: string) =>
  cluster.apply(configMaps, {
    metadata: { name, namespace, labels: { 'cloister.dev/document': 'tenant-policy' } },
    data: { 'document.json': text },
  });
const writePolicy = (name: string, changes: Partial<TenantPolicy> = {}) => write(`tenant-${name}`, JSON.stringify(policyOf(name, changes)));
/** What operator and gateway promise: a change is in force within a second. */
const soon = (check: () => void) => vi.waitFor(check, { timeout: 1000, interval: 10 });

describe('a policy', () => {
  test('is in force within a second of being written, changed and deleted', async () => {
    await writePolicy('acme');
    await soon(() => expect(policies.byTenant('acme')?.state).toBe('Active'));
    await writePolicy('acme', { state: 'Suspended', hosts: ['new.example'] });
    await soon(() => expect(policies.byHost('new.example')?.state).toBe('Suspended'));
    await cluster.delete(configMaps, { name: 'tenant-acme', namespace });
    await soon(() => expect(policies.byTenant('acme')).toBeUndefined());
  });

  test('that cannot be read leaves the one before in force, and the log says which field is wrong', async () => {
    await writePolicy('bravo');
    await soon(() => expect(policies.byTenant('bravo')).toBeDefined());
    await write('tenant-bravo', JSON.stringify({ ...policyOf('bravo'), state: 'Asleep' }));
    await soon(() => expect(lines.join('')).toMatch(/tenant-bravo.*state/));
    expect(policies.byTenant('bravo')?.state).toBe('Active');
  });

  test('is not what any other ConfigMap of the namespace says', async () => {
    await cluster.apply(configMaps, {
      metadata: { name: 'foreign', namespace },
      data: { 'document.json': JSON.stringify(policyOf('foreign')) },
    });
    await writePolicy('charlie');
    await soon(() => expect(policies.byTenant('charlie')).toBeDefined());
    expect(policies.byTenant('foreign')).toBeUndefined();
  });
});

test('a credential follows its Secret', async () => {
  const put = (key: string) =>
    cluster.apply(secrets, { metadata: { name: 'openai', namespace }, data: { key: Buffer.from(key).toString('base64') } });
  await put('one');
  await soon(() => expect(credentials.read('openai', 'key')).toBe('one'));
  await put('two');
  await soon(() => expect(credentials.read('openai', 'key')).toBe('two'));
  await cluster.delete(secrets, { name: 'openai', namespace });
  await soon(() => expect(credentials.read('openai', 'key')).toBeUndefined());
});

test('a Secret that was there before is known as it is, as one that comes later', () => {
  expect(credentials.read('early', 'key')).toBe('sk-early');
});
