import { describe, expect, test } from 'vitest';
import { at, informerOf, seen, type Light } from './lights.fixture.ts';

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

  test('and a second one are told one after the other: whoever read the first must hear that it is past', () => {
    const { informer, changes } = informerOf([at('5', false)]);
    informer.remember(at('6', true));
    informer.remember(at('7', false));
    informer.event({ type: 'MODIFIED', object: { ...at('6', true) } }, '6');
    expect(informer.get({ name: 'a' })?.status?.on).toBe(false);
    informer.event({ type: 'MODIFIED', object: { ...at('7', false) } }, '7');
    expect(seen(changes)).toEqual([
      ['updated', false, true],
      ['updated', true, false],
    ]);
  });

  test('and two more are told in their order, and none of them twice', () => {
    const { informer, changes } = informerOf([]);
    for (const [version, on] of [
      ['6', true],
      ['7', false],
      ['8', true],
    ] as const)
      informer.remember(at(version, on));
    informer.event({ type: 'ADDED', object: { ...at('6', true) } }, '6');
    informer.event({ type: 'ADDED', object: { ...at('6', true) } }, '6');
    informer.event({ type: 'MODIFIED', object: { ...at('7', false) } }, '7');
    informer.event({ type: 'MODIFIED', object: { ...at('8', true) } }, '8');
    expect(seen(changes)).toEqual([
      ['added', undefined, true],
      ['updated', true, false],
      ['updated', false, true],
    ]);
  });

  test('is told although a list has only what came after it', () => {
    const { informer, changes } = informerOf([at('5', false)]);
    informer.remember(at('6', true));
    informer.remember(at('7', false));
    informer.replace([informer.take(at('7', false))], '9');
    informer.replace([informer.take(at('7', false))], '9');
    expect(seen(changes)).toEqual([
      ['updated', false, true],
      ['updated', true, false],
    ]);
  });

  test('that a list has not caught up with leaves the list its say', () => {
    const { informer, changes } = informerOf([at('5', false)]);
    informer.remember(at('6', true));
    informer.remember(at('8', false));
    informer.replace([informer.take(at('6', true))], '7');
    informer.event({ type: 'MODIFIED', object: { ...at('8', false) } }, '8');
    expect(seen(changes)).toEqual([
      ['updated', false, true],
      ['updated', true, false],
    ]);
  });

  test('is told by a list as well', () => {
    const { informer, changes } = informerOf([at('5', false)]);
    informer.remember(at('6', true));
    informer.replace([informer.take(at('6', true))], '8');
    expect(seen(changes)).toEqual([['updated', false, true]]);
  });
});

describe('an object that we made anew under the name of one whose deletion we have not heard of', () => {
  const [first, second] = [at('5', false), at('8', true, 'u2')];
  const watching = (...written: readonly Light[]) => {
    const { informer, changes } = informerOf([first]);
    for (const light of written) informer.remember(light);
    /** Which one is held, and what was told. */
    const now = () => [informer.head({ name: 'a' })?.uid, changes.map(({ type, object }) => `${type} ${object.metadata.uid}`)];
    return { informer, now };
  };
  const deletion = (version: string, uid = 'u1') => ({ type: 'DELETED', object: { ...at(version, false, uid) } });
  const addition = { type: 'ADDED', object: { ...second } };

  test.each([
    ['that deletion comes', [second]],
    ['that deletion comes, and we had written the one before as well', [at('6', true), second]],
  ])('stays in the cache when %s; each of the two is told once', (_, written) => {
    const { informer, now } = watching(...written);
    informer.event(deletion('7'), '7');
    expect(now()).toEqual(['u2', ['deleted u1']]);
    informer.event(addition, '8');
    expect(now()).toEqual(['u2', ['deleted u1', 'added u2']]);
    informer.event(deletion('9', 'u2'), '9');
    expect(now()).toEqual([undefined, ['deleted u1', 'added u2', 'deleted u2']]);
  });

  test('stays when a list from before it has neither of the two', () => {
    const { informer, now } = watching(second);
    informer.replace([], '7');
    expect(now()).toEqual(['u2', ['deleted u1']]);
    informer.event(addition, '8');
    expect(now()).toEqual(['u2', ['deleted u1', 'added u2']]);
  });

  test('goes when a list from after it has neither of the two', () => {
    const { informer, now } = watching(second);
    informer.replace([], '9');
    expect(now()).toEqual([undefined, ['deleted u2']]);
  });
});

test('the first object of its name, made by us, stays when a list from before it has none', () => {
  const { informer, changes } = informerOf([]);
  informer.remember(at('7', true));
  informer.replace([], '6');
  expect([informer.head({ name: 'a' })?.resourceVersion, seen(changes)]).toEqual(['7', []]);
  informer.event({ type: 'ADDED', object: { ...at('7', true) } }, '7');
  expect(seen(changes)).toEqual([['added', undefined, true]]);
});
