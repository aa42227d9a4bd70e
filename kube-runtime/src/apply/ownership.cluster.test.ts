import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { absent, type Cluster } from '../cluster/cluster.ts';
import type { Write } from '../cluster/request.ts';
import type { BaseObject } from '../resource.ts';
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

let cluster: Cluster;
let stranger: Cluster;
let namespace: string;
let writes: Write[];

beforeAll(async () => {
  cluster = await connectReal({ fieldManager: 'tester' });
  stranger = await connectReal({ fieldManager: 'stranger' });
  await installKinds(cluster);
  namespace = await freshNamespace(cluster);
  writes = recordWrites(cluster);
});
beforeEach(() => void writes.splice(0));
afterAll(async () => {
  await cluster.delete(namespaces, { name: namespace });
  await Promise.all([cluster.close(), stranger.close()]);
});

describe('ownership', () => {
  const owner = async (name: string) => (await cluster.apply(realms, { metadata: { name: `${namespace}-${name}` }, spec: {} })).object;
  const target = (name: string) => ({ name, namespace });

  test('is written into the child, also from a cluster-scoped owner', async () => {
    const realm = await owner('a');
    const { object } = await cluster.apply(configMaps, { metadata: target('owned') }, { owner: realm });
    expect(object.metadata.ownerReferences).toMatchObject([{ kind: 'Realm', uid: realm.metadata.uid, controller: true }]);
    expect((await cluster.apply(configMaps, { metadata: target('owned') }, { owner: realm })).outcome).toBe('unchanged');
  });

  test('of another controller is respected', async () => {
    await cluster.apply(configMaps, { metadata: target('taken') }, { owner: await owner('b') });
    writes.splice(0);
    const realm = await owner('c');
    writes.splice(0);
    await expect(cluster.apply(configMaps, { metadata: target('taken') }, { owner: realm })).rejects.toThrow('is controlled by Realm');
    expect(writes).toEqual([]);
  });

  test('is not forced on an object that exists, where adoption is off', async () => {
    await stranger.apply(configMaps, { metadata: target('foreign'), data: { theirs: '1' } });
    const realm = await owner('d');
    const adopting = cluster.apply(configMaps, { metadata: target('foreign') }, { owner: realm, adopt: false });
    await expect(adopting).rejects.toThrow('controlled by nobody, and adoption is off');
    await cluster.apply(configMaps, { metadata: target('foreign') }, { owner: realm });
    expect((await cluster.get(configMaps, target('foreign')))?.metadata.ownerReferences).toHaveLength(1);
  });

  test('by an owner that is being deleted is refused', async () => {
    const realm: BaseObject = await owner('e');
    const going = { ...realm, metadata: { ...realm.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    await expect(cluster.apply(configMaps, { metadata: target('late') }, { owner: going })).rejects.toThrow('is being deleted');
  });
});

describe('the status', () => {
  test('is written once, only when it differs, and loses fields that are no longer said', async () => {
    const { object } = await cluster.apply(greetings, { metadata: { name: 'status', namespace }, spec: { name: 'x' } });
    writes.splice(0);
    const first = await cluster.updateStatus(greetings, object, { said: 'hello', count: 1 });
    expect(first.outcome).toBe('changed');
    expect((await cluster.updateStatus(greetings, object, { said: 'hello', count: 1 })).outcome).toBe('unchanged');
    expect(writes).toHaveLength(1);
    await cluster.updateStatus(greetings, object, { said: 'hello' });
    expect((await cluster.get(greetings, { name: 'status', namespace }))?.status).toEqual({ said: 'hello' });
  });

  test('that says what it is based on is refused where the object is another by now, and written where it is not', async () => {
    const key = { name: 'remembered', namespace };
    const { object } = await cluster.apply(greetings, { metadata: key, spec: { name: 'x' } });
    const basedOn = object.metadata.resourceVersion;
    const { object: next } = await cluster.updateStatus(greetings, object, { said: 'first' }, { basedOn });
    await expect(cluster.updateStatus(greetings, object, { said: 'stale' }, { basedOn })).rejects.toMatchObject({ status: 409 });
    expect((await cluster.get(greetings, key))?.status).toEqual({ said: 'first' });
    await cluster.updateStatus(greetings, next, { said: 'second' }, { basedOn: next.metadata.resourceVersion });
    expect((await cluster.get(greetings, key))?.status).toEqual({ said: 'second' });
  });

  test('of an object that was re-created since is left alone', async () => {
    const key = { name: 'reborn', namespace };
    const { object } = await cluster.apply(greetings, { metadata: key, spec: { name: 'x' } });
    await cluster.delete(greetings, object);
    await cluster.apply(greetings, { metadata: key, spec: { name: 'x' } });
    await expect(cluster.updateStatus(greetings, object, { said: 'stale' })).rejects.toMatchObject({ status: 409 });
    expect((await cluster.get(greetings, key))?.status).toBeUndefined();
  });
});

describe('what is made at random', () => {
  const written = (name: string, data: object, basedOn: string) =>
    cluster.apply(configMaps, { metadata: { name, namespace }, data: { ...data } }, { basedOn });

  test('is made once: whoever comes second is refused, and does not write over it', async () => {
    const { object, outcome } = await written('secret', { key: 'first' }, absent);
    expect(outcome).toBe('created');
    await expect(written('secret', { key: 'second' }, absent)).rejects.toMatchObject({ status: 409 });
    expect((await cluster.get(configMaps, object.metadata))?.data).toEqual({ key: 'first' });
    expect((await written('secret', { key: 'first' }, absent)).outcome).toBe('unchanged');
  });

  test('loses what is no longer wanted, as everything does', async () => {
    const { object } = await written('shrinking', { key: 'first', more: 'x' }, absent);
    const { object: after } = await cluster.apply(configMaps, { metadata: { name: 'shrinking', namespace }, data: { key: 'first' } });
    expect([object.data, after.data]).toEqual([{ key: 'first', more: 'x' }, { key: 'first' }]);
  });

  test('is replaced once: where the object is another version by now, that stays', async () => {
    const { object } = await written('replaced', { key: 'first' }, absent);
    const version = object.metadata.resourceVersion ?? '';
    expect((await written('replaced', { key: 'second' }, version)).outcome).toBe('changed');
    await expect(written('replaced', { key: 'third' }, version)).rejects.toMatchObject({ status: 409 });
    expect((await cluster.get(configMaps, object.metadata))?.data).toEqual({ key: 'second' });
  });
});

describe('a deletion', () => {
  test('with an outdated object is refused, and with none is no error', async () => {
    const key = { name: 'gone', namespace };
    const { object } = await cluster.apply(configMaps, { metadata: key });
    expect(await cluster.delete(configMaps, object)).toBe(true);
    expect(await cluster.delete(configMaps, object)).toBe(false);
    await cluster.apply(configMaps, { metadata: key });
    await expect(cluster.delete(configMaps, object)).rejects.toMatchObject({ status: 409 });
  });
});
