import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { setCondition } from '../conditions.ts';
import { run } from '../run/run.ts';
import { eventually, quiet } from '../testing/eventually.ts';
import {
  configMaps,
  connectReal,
  freshNamespace,
  greetings,
  installKinds,
  namespaces,
  realms,
  recordWrites,
} from '../testing/real-cluster.fixture.ts';
import { controller } from './builder.ts';
import { specChanged } from './predicates.ts';
import type { Controller } from './types.ts';

let client: Cluster;
let namespace: string;
const running: { readonly stop: AbortController; readonly ended: Promise<void>; readonly cluster: Cluster }[] = [];

beforeAll(async () => {
  client = await connectReal({ fieldManager: 'user' });
  await installKinds(client);
});
afterEach(async () => {
  for (const { stop, ended, cluster } of running.splice(0)) {
    stop.abort();
    await ended;
    await cluster.close();
  }
  await client.delete(namespaces, { name: namespace });
});
afterAll(() => client.close());

/** The operator of the tests, as its own process would be: a connection and caches of its own. */
async function operate(...controllers: readonly Controller[]) {
  const cluster = await connectReal({ fieldManager: 'greeter' });
  const writes = recordWrites(cluster);
  const stop = new AbortController();
  const ended = run({ cluster, controllers, signal: stop.signal, gracePeriodMs: 500 });
  running.push({ stop, ended, cluster });
  await eventually('caches are full', () => cluster.informers.length > 0 && cluster.informers.every((informer) => informer.synced));
  return { cluster, writes, stop, ended };
}

const greeter = () =>
  controller('greeter')
    .for(greetings, { namespace })
    .owns(configMaps, { namespace })
    .concurrency(4)
    .reconcile(async ({ object, apply, updateStatus }) => {
      const text = `Hello ${object.spec.name}`;
      await apply(configMaps, { metadata: { name: object.metadata.name }, data: { text } });
      const ready = { type: 'Ready', status: 'True', reason: 'Greeted', message: text } as const;
      await updateStatus({ said: text, conditions: setCondition(object.status?.conditions, ready) });
    });

const greet = (name: string, whom: string) => client.apply(greetings, { metadata: { name, namespace }, spec: { name: whom } });
const text = async (name: string) => (await client.get(configMaps, { name, namespace }))?.data?.['text'];
const said = (name: string, words: string) => eventually(`${name} says ${words}`, async () => (await text(name)) === words);

describe('a controller', () => {
  test('makes the child, follows edits, and puts right what others change or delete', async () => {
    namespace = await freshNamespace(client);
    await greet('ada', 'Ada');
    await operate(greeter());
    await said('ada', 'Hello Ada');
    await greet('ada', 'Ada Lovelace');
    await said('ada', 'Hello Ada Lovelace');
    await client.patch(configMaps, { name: 'ada', namespace }, { data: { text: 'vandalised' } });
    await said('ada', 'Hello Ada Lovelace');
    await client.delete(configMaps, { name: 'ada', namespace });
    await said('ada', 'Hello Ada Lovelace');
    await eventually(
      'the status follows',
      async () => (await client.get(greetings, { name: 'ada', namespace }))?.status?.said === 'Hello Ada Lovelace',
    );
  });

  test('clears away what an earlier owner of its name has left, where nobody collects it, and no other owner’s', async () => {
    namespace = await freshNamespace(client);
    const first = (await greet('ada', 'Ada')).object;
    const other = (await greet('bob', 'Bob')).object;
    await client.apply(configMaps, { metadata: { name: 'ada', namespace }, data: { text: 'left' } }, { owner: first });
    await client.delete(greetings, { name: 'ada', namespace });
    await client.delete(greetings, { name: 'bob', namespace });
    await client.apply(configMaps, { metadata: { name: 'eve', namespace }, data: { text: 'kept' } }, { owner: other });
    await greet('ada', 'Ada again');
    await greet('eve', 'Eve');
    await operate(greeter());
    const left = async () => (await client.get(configMaps, { name: 'ada', namespace }))?.metadata;
    await eventually('what was left is to go', async () => (await left())?.deletionTimestamp !== undefined);
    expect((await left())?.finalizers).toEqual(['foregroundDeletion']); // no garbage collector runs here: the test plays it
    await client.patch(configMaps, { name: 'ada', namespace }, { metadata: { finalizers: null } });
    await said('ada', 'Hello Ada again');
    await quiet(300);
    expect(await text('eve')).toBe('kept');
  });

  test('puts right a status that somebody else has written, and is not woken by what it writes itself', async () => {
    namespace = await freshNamespace(client);
    const names = Array.from({ length: 20 }, (_, index) => `g${index}`);
    for (const name of names) await greet(name, name);
    let runs = 0;
    const teller = controller('teller')
      .for(greetings, { namespace, when: specChanged })
      .reconcile(async ({ object, updateStatus }) => {
        runs++;
        await updateStatus({ said: `Hello ${object.spec.name}` });
      });
    await operate(teller);
    const told = (name: string) =>
      eventually(`the status of ${name}`, async () => (await client.get(greetings, { name, namespace }))?.status?.said === `Hello ${name}`);
    for (const name of names) await told(name);
    await quiet(300);
    expect(runs).toBeLessThan(2 * names.length); // an event may be there before the answer to the write
    await client.patch(greetings, { name: 'g7', namespace }, { status: { said: 'vandalised' } }, { subresource: 'status' });
    await told('g7');
  });

  test('writes nothing once all is as wanted, and nothing after a restart', async () => {
    namespace = await freshNamespace(client);
    for (let i = 0; i < 20; i++) await greet(`g${i}`, `number ${i}`);
    const first = await operate(greeter());
    await said('g19', 'Hello number 19');
    await eventually('all have a status', async () =>
      (await client.list(greetings, { namespace })).every(({ status }) => status?.said !== undefined),
    );
    await quiet(200);
    expect(first.writes).toHaveLength(40); // a child and a status each, no write twice
    first.stop.abort();
    await first.ended;
    const second = await operate(greeter());
    await eventually('all were looked at again', async () => (await second.cluster.registry.metrics()).includes('result="success"} 20'));
    expect(second.writes).toEqual([]);
  });

  test('makes nothing for an object that was deleted before its finalizer could stand', async () => {
    namespace = await freshNamespace(client);
    const seen: string[] = [];
    const careful = controller('careful')
      .for(greetings, { namespace })
      .finalizer('kube-runtime.test/careful', () => Promise.resolve(undefined))
      .reconcile(async ({ name }) => void seen.push(await Promise.resolve(name)));
    const { cluster } = await operate(careful);
    let patches = 0;
    cluster.interceptWrites(async ({ method, path }, proceed) => {
      if (method === 'PATCH' && path.endsWith('/short') && patches++ === 0) await client.delete(greetings, { name: 'short', namespace });
      return proceed();
    });
    await greet('short', 'nobody');
    await eventually('its finalizer was tried', () => patches > 0);
    await greet('long', 'somebody');
    await eventually('the other was seen', () => seen.includes('long'));
    expect(seen).not.toContain('short');
  });

  test('retries a broken object with growing pauses, while the others go on', async () => {
    namespace = await freshNamespace(client);
    let tries = 0;
    const fragile = controller('fragile')
      .for(greetings, { namespace })
      .reconcile(async ({ object, apply }) => {
        if (object.spec.name === 'poison' && tries++ < 1_000) throw new Error('cannot greet poison');
        await apply(configMaps, { metadata: { name: object.metadata.name }, data: { text: object.spec.name } });
      });
    await greet('bad', 'poison');
    await operate(fragile);
    await eventually('it was tried', () => tries > 2);
    await greet('good', 'Grace');
    await said('good', 'Grace');
    await quiet(500);
    expect(tries).toBeLessThan(12); // 5 ms doubled
    await greet('bad', 'mended');
    await said('bad', 'mended');
  });

  test('works on one object at a time, once more for what changed meanwhile', async () => {
    namespace = await freshNamespace(client);
    let inside = 0;
    let most = 0;
    const seen: string[] = [];
    const held = Promise.withResolvers<undefined>();
    const slow = controller('slow')
      .for(greetings, { namespace })
      .concurrency(4)
      .reconcile(async ({ object }) => {
        most = Math.max(most, ++inside);
        seen.push(object.spec.name);
        await held.promise;
        await quiet(20);
        inside--;
      });
    await operate(slow);
    await greet('one', 'edit 0');
    await eventually('the first edit was seen', () => inside === 1);
    for (let i = 1; i < 10; i++) await greet('one', `edit ${i}`);
    await quiet(200); // in which the others may come, and are worked on by nobody else
    held.resolve(undefined);
    await eventually('the last edit was seen', () => seen.at(-1) === 'edit 9' && inside === 0);
    expect(most).toBe(1);
    expect(seen.length).toBeLessThan(8);
  });

  test('cleans up before a deletion, keeps the object while cleanup fails, and leaves foreign finalizers alone', async () => {
    namespace = await freshNamespace(client);
    const key = { name: 'held', namespace };
    let cleaned = 0;
    const careful = controller('careful')
      .for(greetings, { namespace })
      .finalizer('kube-runtime.test/careful', async () => {
        if (++cleaned === 1) throw new Error('the outside world is away');
        if (cleaned === 2) return { requeueAfter: 10 };
        if (cleaned === 3) return { postponedFor: 10 };
        if (cleaned === 4) return { requeue: true as const };
        await Promise.resolve();
        return {};
      })
      .reconcile(async ({ updateStatus }) => {
        await updateStatus({ said: 'ready' });
      });
    await client.create(greetings, { metadata: { ...key, finalizers: ['kube-runtime.test/foreign'] }, spec: { name: 'x' } });
    await operate(careful);
    await eventually('it is ready', async () => (await client.get(greetings, key))?.status?.said === 'ready');
    const live = await client.get(greetings, key);
    expect(live?.metadata.finalizers).toEqual(['kube-runtime.test/foreign', 'kube-runtime.test/careful']);
    await client.delete(greetings, key);
    await eventually('ours is off', async () => (await client.get(greetings, key))?.metadata.finalizers?.length === 1);
    expect(cleaned).toBe(5);
    expect((await client.get(greetings, key))?.metadata.finalizers).toEqual(['kube-runtime.test/foreign']);
    await client.patch(greetings, key, [{ op: 'remove', path: '/metadata/finalizers/0' }]);
    expect(await client.get(greetings, key)).toBeUndefined();
    expect(cleaned).toBe(5);
  });

  test('is woken by children of a cluster-scoped owner, by a label, and by objects that it watches', async () => {
    namespace = await freshNamespace(client);
    const woken: string[] = [];
    const realm = `${namespace}-realm`;
    const wide = controller('wide')
      .for(realms, { fieldSelector: `metadata.name=${realm}` })
      .owns(configMaps, { namespace, label: 'realm' })
      .watches(greetings, ({ spec }) => [{ name: spec.name }], { namespace })
      .gone(async ({ name }) => void woken.push(await Promise.resolve(`${name} is gone`)))
      .reconcile(async ({ key }) => void woken.push(await Promise.resolve(key)));
    await operate(wide);
    const { object: owner } = await client.apply(realms, { metadata: { name: realm }, spec: {} });
    await eventually('by itself', () => woken.length === 1);
    await client.apply(configMaps, { metadata: { name: 'owned', namespace } }, { owner });
    await eventually('by a child', () => woken.length === 2);
    await client.apply(configMaps, { metadata: { name: 'labelled', namespace, labels: { realm } } });
    await eventually('by a label', () => woken.length === 3);
    await greet('pointer', realm);
    await eventually('by a watched object', () => woken.length === 4);
    await client.delete(realms, { name: realm });
    await eventually('of its end', () => woken.at(-1) === `${realm} is gone`);
  });
});
