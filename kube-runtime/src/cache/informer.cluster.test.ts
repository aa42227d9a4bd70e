import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CacheScope, Cluster } from '../cluster/cluster.ts';
import { kind } from '../kind.ts';
import { eventually } from '../testing/eventually.ts';
import { configMaps, connectReal, freshNamespace, namespaces, type ConfigMap } from '../testing/real-cluster.fixture.ts';
import type { Informer } from './informer.ts';

let cluster: Cluster;
let namespace: string;

beforeAll(async () => {
  cluster = await connectReal({ timings: { pageSize: 10 } });
  namespace = await freshNamespace(cluster);
});
afterAll(async () => {
  await cluster.delete(namespaces, { name: namespace });
  await cluster.close();
});

const put = (name: string, value: string, labels: Record<string, string> = {}) =>
  cluster.apply(configMaps, { metadata: { name, namespace, labels }, data: { value } });

async function started(scope: CacheScope): Promise<Informer<ConfigMap>> {
  const informer = cluster.informer(configMaps, { namespace, ...scope });
  informer.start();
  await informer.whenSynced();
  return informer;
}

describe('an informer of a real API server', () => {
  test('lists in pages and follows changes', async () => {
    for (let i = 0; i < 25; i++) await put(`page-${i}`, '0');
    const informer = await started({});
    expect(informer.list(namespace).length).toBeGreaterThanOrEqual(25);
    await cluster.patch(configMaps, { name: 'page-3', namespace }, { data: { value: '1' } });
    await cluster.delete(configMaps, { name: 'page-4', namespace });
    await eventually('both changes arrived', () => {
      const changed = informer.get({ name: 'page-3', namespace })?.data?.['value'] === '1';
      return changed && informer.get({ name: 'page-4', namespace }) === undefined;
    });
  });

  test('sees only what its selectors choose, also when an object leaves the selection', async () => {
    await put('in', '0', { tier: 'gold' });
    await put('out', '0', { tier: 'tin' });
    const gold = await started({ labelSelector: 'tier=gold' });
    const named = await started({ fieldSelector: 'metadata.name=out' });
    expect(gold.list().map(({ metadata }) => metadata.name)).toEqual(['in']);
    expect(named.list().map(({ metadata }) => metadata.name)).toEqual(['out']);
    await put('in', '0', { tier: 'tin' });
    await eventually('it left', () => gold.list().length === 0);
  });

  test('transfers metadata alone where that is enough', async () => {
    await put('slim', 'a long value', { slim: 'yes' });
    const informer = await started({ metadataOnly: true, labelSelector: 'slim=yes' });
    const object = informer.get({ name: 'slim', namespace });
    expect(object).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { labels: { slim: 'yes' } } });
    expect(object).not.toHaveProperty('data');
    await put('slim', 'a long value', { slim: 'yes', more: '1' });
    await eventually('an update arrived', () => informer.get({ name: 'slim', namespace })?.metadata.labels?.['more'] === '1');
    expect(informer.get({ name: 'slim', namespace })).not.toHaveProperty('data');
  });

  test('is shared: two that ask for the same get the same', () => {
    expect(cluster.informer(configMaps, { namespace, labelSelector: 'a=b' })).toBe(
      cluster.informer(configMaps, { labelSelector: 'a=b', namespace }),
    );
  });

  test('of a kind that is not installed says why it does not fill', async () => {
    const informer = cluster.informer(kind('nobody.example/v1', 'Nothing'));
    informer.start();
    await eventually('the problem shows', () => informer.problem !== undefined);
    expect(informer.problem).toContain('404');
    expect(informer.synced).toBe(false);
    await informer.stop();
  });

  test('goes on from where it was when watches end, with no new list', async () => {
    const quick = await connectReal({ timings: { watchMs: [1_000, 1_000], shortWatchMs: 10 } });
    const informer = quick.informer(configMaps, { namespace });
    informer.start();
    await informer.whenSynced();
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await put('after', '1');
    await eventually('the change arrived', () => informer.get({ name: 'after', namespace }) !== undefined);
    const metrics = await quick.registry.metrics();
    expect(metrics).toContain('rest_client_requests_total{code="200",method="GET"');
    expect(metrics).not.toMatch(/^kube_runtime_informer_faults_total\{.*\} [1-9]/m);
    await quick.close();
  });
});
