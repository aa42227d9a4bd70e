import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { connect } from '../cluster/connect.ts';
import { kind } from '../kind.ts';
import type { BaseObject } from '../resource.ts';
import { eventually, quiet } from '../testing/eventually.ts';
import { FaultyApiServer, type Fault } from '../testing/faulty-api-server.double.ts';
import type { Change, Informer } from './informer.ts';
import type { InformerTimings } from './timings.ts';

interface ConfigMap extends BaseObject {
  readonly data?: { readonly value?: number };
}

const configMaps = kind<ConfigMap>('v1', 'ConfigMap');
const backoff = { firstMs: 10, capMs: 40, jitter: 1, resetAfterMs: 60_000 };

let server: FaultyApiServer;
let cluster: Cluster;
let informer: Informer<ConfigMap>;
let changes: Change<ConfigMap>[];

beforeEach(async () => {
  server = await FaultyApiServer.start();
  changes = [];
});

afterEach(async () => {
  await cluster.close();
  await server[Symbol.asyncDispose]();
});

async function start(timings: Partial<InformerTimings> = {}): Promise<void> {
  cluster = await connect({ server: server.url, timings: { backoff, ...timings } });
  informer = cluster.informer(configMaps);
  informer.onChange((change) => changes.push(change));
  informer.start();
}

const value = (name: string): number | undefined => informer.get({ namespace: 'default', name })?.data?.value;
const told = (): string[] => changes.map(({ type, object }) => `${type} ${object.metadata.name}`);
const watching = () => eventually('a watch is open', () => server.openWatches > 0);

describe('an informer', () => {
  test('holds what was listed and follows what changes', async () => {
    server.put('a', { value: 1 });
    await start();
    await informer.whenSynced();
    await watching();
    server.put('a', { value: 2 });
    server.put('b', { value: 3 });
    server.remove('a');
    await eventually('the last change arrived', () => changes.length === 4);
    expect(told()).toEqual(['added a', 'updated a', 'added b', 'deleted a']);
    expect(informer.list().map(({ metadata }) => metadata.name)).toEqual(['b']);
  });

  test('reads long lists in pages', async () => {
    for (let i = 0; i < 7; i++) server.put(`m${i}`);
    await start({ pageSize: 3 });
    await informer.whenSynced();
    expect(informer.list()).toHaveLength(7);
    expect(server.count('list')).toBe(3);
  });

  test('reads the list again in one piece when the server forgets it between two pages', async () => {
    for (let i = 0; i < 7; i++) server.put(`m${i}`);
    server.next('list', { kind: 'status', code: 410 });
    await start({ pageSize: 3 });
    await informer.whenSynced();
    expect(informer.list()).toHaveLength(7);
  });

  test('asks for bookmarks and for a time-out, from the version of the list', async () => {
    server.put('a');
    await start();
    await watching();
    const query = server.requests.find((request) => request.query.get('watch') === 'true')?.query;
    expect(query?.get('allowWatchBookmarks')).toBe('true');
    expect(query?.get('resourceVersion')).toBe('101');
    expect(Number(query?.get('timeoutSeconds'))).toBeGreaterThanOrEqual(300);
    expect(Number(query?.get('timeoutSeconds'))).toBeLessThanOrEqual(600);
  });

  test('keeps fields it has never heard of, names the kind, and drops managedFields', async () => {
    server.put('a');
    await start();
    await informer.whenSynced();
    const object = informer.get({ namespace: 'default', name: 'a' });
    expect(object).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', unheardOf: { kept: true } });
    expect(object?.metadata).not.toHaveProperty('managedFields');
  });

  test('takes in an object of a megabyte, by list and by watch', async () => {
    const text = '€'.repeat(350_000);
    server.put('listed', { text });
    await start();
    await watching();
    server.put('watched', { text });
    await eventually('both arrived', () => informer.list().length === 2);
    expect(informer.list().map(({ data }) => data)).toEqual([{ text }, { text }]);
  });

  test('gives out objects that nobody can change', async () => {
    server.put('a', { value: 1 });
    await start();
    await informer.whenSynced();
    const object = informer.get({ namespace: 'default', name: 'a' });
    expect(() => Object.assign(object?.data ?? {}, { value: 2 })).toThrow(TypeError);
  });

  test('survives a handler that throws, and tells the others', async () => {
    await start();
    informer.onChange(() => {
      throw new Error('a bug in a handler');
    });
    const heard: string[] = [];
    informer.onChange(({ object }) => heard.push(object.metadata.name));
    await watching();
    server.put('a');
    await eventually('the other handler heard', () => heard.length === 1);
  });

  test('tells a late handler what it holds', async () => {
    server.put('a');
    await start();
    await informer.whenSynced();
    const heard: Change<ConfigMap>[] = [];
    informer.onChange((change) => heard.push(change));
    expect(heard).toMatchObject([{ type: 'added', replay: true }]);
  });

  test('finds objects by an index that is added while it runs', async () => {
    server.put('a', { value: 1 });
    await start();
    await informer.whenSynced();
    informer.addIndex('value', ({ data }) => [String(data?.value)]);
    await watching();
    server.put('b', { value: 1 });
    server.put('a', { value: 2 });
    await eventually('both arrived', () => changes.length === 3);
    expect(informer.byIndex('value', '1').map(({ metadata }) => metadata.name)).toEqual(['b']);
    expect(informer.byIndex('value', '2').map(({ metadata }) => metadata.name)).toEqual(['a']);
  });

  test('is stopped for good: nothing is heard afterwards, and its connections are closed', async () => {
    await start();
    await watching();
    await informer.stop();
    await eventually('the watch is closed', () => server.openWatches === 0);
    const asked = server.requests.length;
    server.put('a');
    await quiet(100);
    expect(changes).toEqual([]);
    expect(server.requests).toHaveLength(asked);
  });
});

describe('an informer misses nothing', () => {
  const faults: readonly (readonly [string, Fault])[] = [
    ['a 500', { kind: 'status', code: 500 }],
    ['a 503 with Retry-After', { kind: 'status', code: 503, retryAfterSeconds: 0.01 }],
    ['a 429', { kind: 'status', code: 429 }],
    ['a 403', { kind: 'status', code: 403 }],
    ['a 401', { kind: 'status', code: 401 }],
    ['a reset connection', { kind: 'reset' }],
  ];
  test.each(faults)('when its list meets %s', async (_, fault) => {
    server.put('a', { value: 1 });
    server.next('list', fault, fault, fault);
    await start();
    await informer.whenSynced();
    expect(value('a')).toBe(1);
  });

  test.each([
    ...faults,
    ['garbage in the stream', { kind: 'garbage' }],
    ['half a line and then the end', { kind: 'halfLine' }],
    ['an error event', { kind: 'errorEvent', code: 500 }],
    ['an expired version (410) as an event', { kind: 'errorEvent', code: 410 }],
    ['an expired version (410) as an answer', { kind: 'status', code: 410 }],
  ] as readonly (readonly [string, Fault])[])('when its watch meets %s', async (_, fault) => {
    server.next('watch', fault, fault);
    await start();
    await informer.whenSynced();
    server.put('a', { value: 1 });
    await eventually('the change arrived', () => value('a') === 1);
    await eventually('the trouble is over', () => server.openWatches > 0 && informer.problem === undefined);
  });

  test('while a watch is cut again and again', async () => {
    await start();
    for (let i = 1; i <= 20; i++) {
      await watching();
      server.put('a', { value: i });
      if (i % 3 === 0) server.cutWatches();
    }
    await eventually('the last change arrived', () => value('a') === 20);
    expect(server.count('list')).toBe(1);
  });

  test('that happened while the server had forgotten where it was', async () => {
    server.put('kept', { value: 1 });
    server.put('dropped');
    await start();
    await watching();
    server.next('watch', { kind: 'status', code: 503, retryAfterSeconds: 0.05 });
    server.cutWatches();
    server.put('kept', { value: 2 });
    server.remove('dropped');
    server.put('fresh');
    server.compact();
    await eventually('the gap is closed', () => value('kept') === 2 && informer.list().length === 2);
    expect(told().slice(2).sort()).toEqual(['added fresh', 'deleted dropped', 'updated kept']);
    expect(changes.slice(2).every((change) => change.replay)).toBe(true);
  });

  test('on a connection that went silent without closing', async () => {
    await start({ watchMs: [100, 100], graceMs: 50 });
    await watching();
    server.muteOpenWatches();
    server.put('a', { value: 1 });
    await eventually('the dead connection was replaced', () => value('a') === 1, 3_000);
  });

  test('on a silent connection, found by missing bookmarks long before the watch would have ended', async () => {
    await start({ watchMs: [60_000, 60_000], bookmarkSilenceMs: 100 });
    await watching();
    server.bookmark();
    await quiet(20);
    server.muteOpenWatches();
    server.put('a', { value: 1 });
    await eventually('the dead connection was replaced', () => value('a') === 1, 3_000);
    server.muteOpenWatches(); // the next one, before it brought a bookmark of its own
    server.put('a', { value: 2 });
    await eventually('the second one was replaced too', () => value('a') === 2, 3_000);
  });
});

describe('an informer keeps order', () => {
  test('it never goes back to an older version', async () => {
    server.put('a', { value: 1 });
    server.put('a', { value: 2 });
    await start();
    await watching();
    server.replayOld('MODIFIED', 'a', 101, { value: 1 });
    server.put('b');
    await eventually('what came after arrived', () => changes.length === 2);
    expect(value('a')).toBe(2);
  });

  test('it tells of a replacement under the same name as of two objects', async () => {
    server.put('a');
    await start();
    await watching();
    server.next('watch', { kind: 'status', code: 410 });
    server.cutWatches();
    server.remove('a');
    server.put('a');
    server.compact();
    await eventually('the replacement arrived', () => changes.length === 3);
    expect(told()).toEqual(['added a', 'deleted a', 'added a']);
  });
});
