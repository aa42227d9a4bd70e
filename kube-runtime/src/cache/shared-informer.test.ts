import { describe, expect, test } from 'vitest';
import type { Kind } from '../kind.ts';
import { at, idle, informerOf, lights, seen, type Light } from './lights.fixture.ts';

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

test('a head tells of an object without reading it', () => {
  let reads = 0;
  const informer = idle({ ...lights, accept: (raw) => (reads++, lights.accept(raw)) });
  informer.replace([informer.take(at('5', true))], '5');
  const [read, head] = [reads, informer.head({ name: 'a' })];
  expect([head?.uid, head?.resourceVersion, informer.head({ name: 'b' })]).toEqual(['u1', '5', undefined]);
  expect(reads).toBe(read);
});

test('a list that only repeats what is known takes no memory: the objects stay as they are held', () => {
  const { informer } = informerOf([at('5', false)]);
  const [first, second] = [informer.take(at('5', false)), informer.take(at('5', false))];
  expect(first).toBe(second);
  expect(informer.take(at('6', true))).not.toBe(first);
});

describe('the first list', () => {
  const named = (name: string, version: string): Light => {
    const light = at(version, true, name);
    return { ...light, metadata: { ...light.metadata, name } };
  };

  test('is told as its pages come, each object read once, and synced when all are there', () => {
    let reads = 0;
    const counted: Kind<Light> = { ...lights, accept: (raw) => (reads++, lights.accept(raw)) };
    const informer = idle(counted);
    const told: string[] = [];
    informer.onChange(({ object, replay }) => told.push(`${object.metadata.name} ${replay}`));
    const items = [informer.take(named('a', '1')), informer.take(named('b', '2'))];
    expect([told, informer.synced]).toEqual([['a true', 'b true'], false]);
    informer.replace(items, '5');
    expect([told, informer.synced, reads]).toEqual([['a true', 'b true'], true, 2]);
  });

  test('that had to begin again takes back what is not there any more', () => {
    const informer = idle();
    const told: string[] = [];
    informer.onChange(({ type, object }) => told.push(`${type} ${object.metadata.name}`));
    informer.take(named('a', '1'));
    informer.take(named('b', '2'));
    informer.replace([informer.take(named('b', '7')), informer.take(named('c', '6'))], '8');
    expect(told).toEqual(['added a', 'added b', 'updated b', 'added c', 'deleted a']);
    expect(informer.list().map(({ metadata }) => metadata.name)).toEqual(['b', 'c']);
  });
});

describe('what is made of each object', () => {
  const named = (name: string, resourceVersion: string, on: boolean): Light => {
    const light = at(resourceVersion, on, `uid-${name}`);
    return { ...light, metadata: { ...light.metadata, name } };
  };

  test('is of its latest version, until it is gone, whether it was cached before or comes later', () => {
    const { informer } = informerOf([named('a', '4', true), named('b', '5', false)]);
    let made = 0;
    const isOn = informer.project(({ status }) => {
      made++;
      return status?.on === true;
    });
    const all = () => ['a', 'b', 'c'].map((name) => isOn({ name }));
    expect(all()).toEqual([true, false, undefined]);
    informer.event({ type: 'MODIFIED', object: { ...named('b', '6', true) } }, '6');
    informer.event({ type: 'ADDED', object: { ...named('c', '7', true) } }, '7');
    expect(all()).toEqual([true, true, true]);
    informer.remember(named('c', '8', false));
    expect(all()).toEqual([true, true, false]);
    informer.event({ type: 'DELETED', object: { ...named('a', '9', true) } }, '9');
    expect(all()).toEqual([undefined, true, false]);
    expect(made).toBe(5);
  });

  test('is nothing for an object at which it cannot be made, which holds up nobody', () => {
    const { informer, changes } = informerOf([named('a', '4', true)]);
    const fussy = ({ metadata, status }: Light): string => {
      if (metadata.name === 'b') throw new Error('no b');
      return String(status?.on);
    };
    const isOn = informer.project(fussy);
    informer.addIndex('on', (light) => [fussy(light)]);
    informer.event({ type: 'ADDED', object: { ...named('b', '6', true) } }, '6');
    informer.event({ type: 'ADDED', object: { ...named('c', '7', true) } }, '7');
    expect(changes.map(({ object }) => object.metadata.name)).toEqual(['b', 'c']);
    expect([isOn({ name: 'b' }), isOn({ name: 'c' })]).toEqual([undefined, 'true']);
    expect(informer.byIndex('on', 'true').map(({ metadata }) => metadata.name)).toEqual(['a', 'c']);
  });

  test('can be had for what an index finds, without reading it', () => {
    const { informer } = informerOf([named('a', '4', true), named('b', '5', false)]);
    informer.addIndex('on', ({ status }) => [String(status?.on)]);
    const versionOf = informer.project(({ metadata }) => metadata.resourceVersion);
    expect(informer.headsByIndex('on', 'false').map(versionOf)).toEqual(['5']);
    expect(informer.headsByIndex('on', 'nothing')).toEqual([]);
    expect(() => informer.headsByIndex('off', 'x')).toThrow(/index/);
  });
});
