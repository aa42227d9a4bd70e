import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Informer } from '../cache/informer.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Write } from '../cluster/request.ts';
import { eventually } from '../testing/eventually.ts';
import { configMaps, connectReal, freshNamespace, namespaces, recordWrites, type ConfigMap } from '../testing/real-cluster.fixture.ts';

let cluster: Cluster;
let stranger: Cluster;
let namespace: string;
let cache: Informer<ConfigMap>;
let writes: Write[];
const labels = { 'kube-runtime.test/part-of': 'unseen' };
const wanted = (name: string) => ({ metadata: { name, namespace, labels }, data: { ours: '1' } });

beforeAll(async () => {
  cluster = await connectReal({ fieldManager: 'tester' });
  stranger = await connectReal({ fieldManager: 'stranger' });
  namespace = await freshNamespace(stranger);
  cache = cluster.informer(configMaps, { labelSelector: 'kube-runtime.test/part-of' });
  cluster.startInformers();
  // Then it is no list that brings this one.
  await eventually('the list', () => cache.synced);
  await stranger.apply(configMaps, { metadata: { name: 'first', namespace, labels } });
  await eventually('the watch is open', () => cache.get({ namespace, name: 'first' }) !== undefined);
  writes = recordWrites(cluster);
});
beforeEach(() => void writes.splice(0));
afterAll(async () => {
  await stranger.delete(namespaces, { name: namespace });
  await Promise.all([cluster.close(), stranger.close()]);
});

describe('what a cache of its labels does not hold', () => {
  test('is made by one request, and known to the cache at once', async () => {
    const asked = await requests();
    expect((await cluster.apply(configMaps, wanted('fresh'))).outcome).toBe('created');
    expect(cache.get({ namespace, name: 'fresh' })?.data).toEqual({ ours: '1' });
    expect((await requests()) - asked).toBe(1);
    expect((await cluster.apply(configMaps, wanted('fresh'))).outcome).toBe('unchanged');
    expect((await requests()) - asked).toBe(1);
  });

  test("is first looked at where somebody's object is in its place, and then adopted", async () => {
    await stranger.apply(configMaps, { metadata: { name: 'theirs', namespace }, data: { theirs: 'kept' } });
    expect((await cluster.apply(configMaps, wanted('theirs'))).outcome).toBe('changed');
    const { object } = await cluster.apply(configMaps, wanted('theirs'));
    expect(object).toMatchObject({ metadata: { labels }, data: { ours: '1', theirs: 'kept' } });
  });

  test("is left alone where somebody's object is in its place and must not be adopted, and is asked for in vain only once", async () => {
    await stranger.apply(configMaps, { metadata: { name: 'foreign', namespace }, data: { theirs: 'kept' } });
    const { object: owner } = await stranger.apply(configMaps, { metadata: { name: 'owner', namespace } });
    for (let run = 0; run < 3; run++)
      await expect(cluster.apply(configMaps, wanted('foreign'), { owner, adopt: false })).rejects.toThrow('adoption is off');
    expect(writes).toHaveLength(1);
    const left = await stranger.get(configMaps, { namespace, name: 'foreign' });
    expect(left).toMatchObject({ data: { theirs: 'kept' } });
    expect(left?.metadata).not.toHaveProperty('labels');
    await stranger.delete(configMaps, { namespace, name: 'foreign' });
    expect((await cluster.apply(configMaps, wanted('foreign'), { owner, adopt: false })).outcome).toBe('created');
  });

  test('is looked for before anything is written, where the cache would not hold it', async () => {
    const elsewhere = { metadata: { name: 'unlabelled', namespace }, data: { ours: '1' } };
    await cluster.apply(configMaps, elsewhere);
    writes.splice(0);
    expect((await cluster.apply(configMaps, elsewhere)).outcome).toBe('unchanged');
    expect(writes).toEqual([]);
  });
});

describe('what a cache of everything does not hold yet', () => {
  let behind: Cluster;
  beforeAll(async () => {
    behind = await connectReal({ fieldManager: 'behind' });
    const everything = behind.informer(configMaps, { namespace });
    behind.startInformers();
    await everything.whenSynced();
    // its watch brings nothing any more, as that of one that is being tried again
    Object.defineProperty(everything, 'event', { value: () => undefined });
  });
  afterAll(() => behind.close());

  test("is not taken over unseen where it is somebody's", async () => {
    await stranger.apply(configMaps, { metadata: { name: 'since', namespace }, data: { theirs: 'kept' } });
    const { object: owner } = await stranger.apply(configMaps, { metadata: { name: 'owner', namespace } });
    await expect(behind.apply(configMaps, wanted('since'), { owner, adopt: false })).rejects.toThrow('adoption is off');
    expect((await behind.apply(configMaps, wanted('since'))).outcome).toBe('changed');
    expect(await stranger.get(configMaps, { namespace, name: 'since' })).toMatchObject({ data: { theirs: 'kept', ours: '1' } });
  });
});

/** How many this connection has made. A watch counts when it begins. */
async function requests(): Promise<number> {
  const metric = await cluster.registry.getSingleMetric('rest_client_requests_total')?.get();
  return (metric?.values ?? []).reduce((sum, { value }) => sum + value, 0);
}
