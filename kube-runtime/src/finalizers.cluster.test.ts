import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Cluster } from './cluster/cluster.ts';
import { addFinalizer, removeFinalizer } from './finalizers.ts';
import { configMaps, connectReal, freshNamespace, namespaces } from './testing/real-cluster.fixture.ts';

const ours = 'kube-runtime.test/ours';
const theirs = 'kube-runtime.test/theirs';
let cluster: Cluster;
let namespace: string;

beforeAll(async () => {
  cluster = await connectReal();
  namespace = await freshNamespace(cluster);
});
afterAll(async () => {
  await cluster.delete(namespaces, { name: namespace });
  await cluster.close();
});

const fresh = async (name: string) => (await cluster.apply(configMaps, { metadata: { name, namespace } })).object;
const live = async (name: string) => (await cluster.get(configMaps, { name, namespace }))?.metadata.finalizers;

describe('a finalizer', () => {
  test('is put on an object that has none, and taken off again', async () => {
    const held = await addFinalizer(cluster, configMaps, await fresh('plain'), ours);
    expect(held.metadata.finalizers).toEqual([ours]);
    expect(await addFinalizer(cluster, configMaps, held, ours)).toBe(held);
    await removeFinalizer(cluster, configMaps, held, ours);
    expect(await live('plain')).toBeUndefined();
  });

  test('put on from a stale view does not lose one that came meanwhile', async () => {
    const stale = await fresh('race');
    await addFinalizer(cluster, configMaps, stale, theirs);
    await addFinalizer(cluster, configMaps, stale, ours);
    expect(await live('race')).toEqual([theirs, ours]);
  });

  test('taken off from a stale view takes none but ours off', async () => {
    const both = await addFinalizer(cluster, configMaps, await addFinalizer(cluster, configMaps, await fresh('order'), ours), theirs);
    await removeFinalizer(cluster, configMaps, both, ours);
    await removeFinalizer(cluster, configMaps, both, ours);
    expect(await live('order')).toEqual([theirs]);
    for (const name of ['order', 'race']) {
      const object = await cluster.get(configMaps, { name, namespace });
      if (object) await removeFinalizer(cluster, configMaps, object, theirs);
    }
  });

  test('is never put on an object that was re-created under the name', async () => {
    const old = await fresh('reborn');
    await cluster.delete(configMaps, old);
    await fresh('reborn');
    await addFinalizer(cluster, configMaps, old, ours);
    expect(await live('reborn')).toBeUndefined();
  });
});
