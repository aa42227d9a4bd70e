import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { kind } from '../kind.ts';
import type { BaseObject } from '../resource.ts';
import { configMaps, connectReal, freshNamespace, installKinds, namespaces, realms } from '../testing/real-cluster.fixture.ts';
import { EventRecorder } from './recorder.ts';

interface Event extends BaseObject {
  readonly reason: string;
  readonly note: string;
  readonly regarding: { readonly name: string };
  readonly series?: { readonly count: number };
}

const events = kind<Event>('events.k8s.io/v1', 'Event');
let cluster: Cluster;
let namespace: string;

beforeAll(async () => {
  cluster = await connectReal();
  await installKinds(cluster);
  namespace = await freshNamespace(cluster);
});
afterAll(async () => {
  await cluster.delete(namespaces, { name: namespace });
  await cluster.close();
});

const about = async (name: string) => (await cluster.apply(configMaps, { metadata: { name, namespace } })).object;
const of = async (name: string, home = namespace) =>
  (await cluster.list(events, { namespace: home })).filter(({ regarding }) => regarding.name === name);

describe('events', () => {
  test('that repeat are counted, not multiplied', async () => {
    const recorder = new EventRecorder(cluster, 'tester');
    const object = await about('repeats');
    for (let i = 0; i < 5; i++) recorder.record(object, { type: 'Normal', reason: 'Greeted', message: 'hello' });
    await recorder.flush();
    expect(await of('repeats')).toMatchObject([{ reason: 'Greeted', note: 'hello', series: { count: 5 } }]);
  });

  test('that differ only in their words are told as one from the tenth on, and an object is not given more than its share', async () => {
    const recorder = new EventRecorder(cluster, 'tester');
    const object = await about('floods');
    for (let i = 0; i < 100; i++) recorder.record(object, { type: 'Warning', reason: 'Failed', message: `attempt ${i}` });
    await recorder.flush();
    const written = await of('floods');
    expect(written).toHaveLength(10);
    const together = written.find(({ note }) => note.startsWith('More of the same kind'));
    // 25 writes: nine alone, one that begins the series, and fifteen that count it up
    expect(together).toMatchObject({ note: 'More of the same kind, for example: attempt 9', series: { count: 16 } });
  });

  test('about a cluster-scoped object are found in the default namespace', async () => {
    const recorder = new EventRecorder(cluster, 'tester');
    const name = `${namespace}-realm`;
    const { object } = await cluster.apply(realms, { metadata: { name }, spec: {} });
    recorder.record(object, { type: 'Normal', reason: 'Founded', message: 'x'.repeat(5_000) });
    await recorder.flush();
    expect(await of(name, 'default')).toMatchObject([{ reason: 'Founded' }]);
    await cluster.delete(realms, object);
  });

  test('of an occasion are one, whoever tells of it and in whichever words, and another for an object of the same name', async () => {
    const object = await about('occasions');
    const tell = (message: string, occasion: string, of = object) =>
      new EventRecorder(cluster, 'tester').recordOnce(of, { type: 'Warning', reason: 'Told', message }, occasion);
    await tell('first', 'monday');
    await tell('again', 'monday');
    await tell('later', 'tuesday');
    expect((await of('occasions')).map(({ note }) => note).sort()).toEqual(['first', 'later']);
    await cluster.delete(configMaps, object);
    await tell('anew', 'monday', await about('occasions'));
    expect((await of('occasions')).map(({ note }) => note).sort()).toEqual(['anew', 'first', 'later']);
    const nowhere = { metadata: { name: 'x', namespace: 'no-such-namespace' } };
    await expect(tell('lost', 'monday', nowhere)).rejects.toThrow('404');
  });

  test('that the server refuses harm nobody', async () => {
    const recorder = new EventRecorder(cluster, 'tester');
    recorder.record({ metadata: { name: 'x', namespace: 'no-such-namespace' } }, { type: 'Normal', reason: 'Lost', message: 'm' });
    await recorder.flush();
    expect(await cluster.registry.metrics()).toContain('kube_runtime_events_dropped_total{controller="tester",why="refused"} 1');
  });
});
