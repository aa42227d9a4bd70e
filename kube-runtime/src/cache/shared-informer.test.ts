import { describe, expect, test } from 'vitest';
import type { CacheScope } from '../cluster/cluster.ts';
import { kind } from '../kind.ts';
import { silentLogger } from '../logger.ts';
import type { BaseObject } from '../resource.ts';
import type { Change } from './informer.ts';
import { SharedInformer } from './shared-informer.ts';
import { informerTimings } from './timings.ts';

interface Light extends BaseObject {
  readonly status?: { readonly on: boolean };
}

const at = (resourceVersion: string, on: boolean, uid = 'u1'): Light => ({
  apiVersion: 'example.dev/v1',
  kind: 'Light',
  metadata: { name: 'a', uid, resourceVersion },
  status: { on },
});

/** An informer that was never started: the test plays the server. */
function informerOf(listed: readonly Light[], scope: CacheScope = {}) {
  const neverAsked = { send: () => Promise.reject(new Error('not asked')), stream: () => Promise.reject(new Error('not asked')) };
  const informer = new SharedInformer<Light>({
    wire: neverAsked,
    kind: kind<Light>('example.dev/v1', 'Light', { namespaced: false }),
    scope,
    timings: informerTimings,
    log: silentLogger,
    onFault: () => undefined,
  });
  informer.replace(
    listed.map((one) => informer.take(one)),
    '5',
  );
  const changes: Change<Light>[] = [];
  informer.onChange((change) => changes.push(change));
  changes.length = 0;
  return { informer, changes };
}
const seen = (changes: readonly Change<Light>[]) =>
  changes.map(({ type, object, previous }) => [type, previous?.status?.on, object.status?.on]);

describe('a write of our own, taken into the cache before the watch brings it', () => {
  test('is told with what was known before it, so that "did it change?" has the right answer', () => {
    const { informer, changes } = informerOf([at('5', false)]);
    informer.remember(at('6', true));
    expect(informer.get({ name: 'a' })?.status?.on).toBe(true);
    informer.event({ type: 'MODIFIED', object: { ...at('6', true) } }, '6');
    expect(seen(changes)).toEqual([['updated', false, true]]);
  });

  test('that made the object is told as an addition', () => {
    const { informer, changes } = informerOf([]);
    informer.remember(at('6', true));
    informer.event({ type: 'ADDED', object: { ...at('6', true) } }, '6');
    expect(seen(changes)).toEqual([['added', undefined, true]]);
  });

  test('and a second one are told with what was known before the first', () => {
    const { informer, changes } = informerOf([at('5', false)]);
    informer.remember(at('6', true));
    informer.remember(at('7', true));
    informer.event({ type: 'MODIFIED', object: { ...at('6', true) } }, '6');
    informer.event({ type: 'MODIFIED', object: { ...at('7', true) } }, '7');
    expect(seen(changes)).toEqual([['updated', false, true]]);
  });

  test('is told by a list as well', () => {
    const { informer, changes } = informerOf([at('5', false)]);
    informer.remember(at('6', true));
    informer.replace([informer.take(at('6', true))], '8');
    expect(seen(changes)).toEqual([['updated', false, true]]);
  });
});

test('an object that was re-created under its name is told as gone and as new', () => {
  const { informer, changes } = informerOf([at('5', true)]);
  informer.event({ type: 'ADDED', object: { ...at('9', false, 'u2') } }, '9');
  expect(seen(changes)).toEqual([
    ['deleted', undefined, true],
    ['added', undefined, false],
  ]);
});

test("a scope by the beginning of namespaces' names keeps nothing of others, listed or watched", () => {
  const within = (namespace: string, version: string): Light => {
    const light = at(version, true, namespace);
    return { ...light, metadata: { ...light.metadata, namespace } };
  };
  const { informer, changes } = informerOf([within('tenant-a', '1'), within('other', '2')], { namespacePrefix: 'tenant-' });
  informer.event({ type: 'ADDED', object: { ...within('tenant-b', '6') } }, '6');
  informer.event({ type: 'ADDED', object: { ...within('kube-system', '7') } }, '7');
  informer.event({ type: 'DELETED', object: { ...within('other', '8') } }, '8');
  expect(informer.list().map(({ metadata }) => metadata.namespace)).toEqual(['tenant-a', 'tenant-b']);
  expect(seen(changes)).toEqual([['added', undefined, true]]);
});

test('a list that only repeats what is known takes no memory: the objects stay as they are held', () => {
  const { informer } = informerOf([at('5', false)]);
  const [first, second] = [informer.take(at('5', false)), informer.take(at('5', false))];
  expect(first).toBe(second);
  expect(informer.take(at('6', true))).not.toBe(first);
});
