import { expect, test } from 'vitest';
import type { Head } from '../cache/informer.ts';
import type { BaseObject } from '../resource.ts';
import { AsWanted, type Wish } from './as-wanted.ts';

const object = (name: string, resourceVersion: string): BaseObject =>
  Object.freeze({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'n', uid: 'u', resourceVersion } });
const head = (resourceVersion: string, uid = 'u'): Head => ({
  name: 'a',
  namespace: 'n',
  uid,
  resourceVersion,
  creationTimestamp: undefined,
});

const wish = (target: string, print = 'wish'): Wish => ({ target, print });
function twice(kept: AsWanted, of: Wish, found: BaseObject): void {
  kept.note(of, found);
  kept.note(of, found);
}

test('the same wish and the same version of the same object have the same answer, from the second time on', () => {
  const kept = new AsWanted();
  const found = object('a', '5');
  kept.note(wish('a'), found);
  expect(kept.find(wish('a'), head('5'))).toBeUndefined();
  kept.note(wish('a'), found);
  expect(kept.find(wish('a'), head('5'))).toBe(found);
});

test.each<[string, string, Head | undefined]>([
  ['another wish', 'another', head('5')],
  ['another version', 'wish', head('6')],
  ['another object of that name', 'wish', head('5', 'v')],
  ['an object that is gone, or in no cache', 'wish', undefined],
])('%s is looked at anew', (_, print, there) => {
  const kept = new AsWanted();
  twice(kept, wish('a'), object('a', '5'));
  expect(kept.find(wish('a', print), there)).toBeUndefined();
});

test.each<[string, string, BaseObject]>([
  ['a very large wish', 'w'.repeat(20_000), object('a', '5')],
  ['an object that somebody could change', 'wish', { ...object('a', '5') }],
])('%s is not kept', (_, print, found) => {
  const kept = new AsWanted();
  twice(kept, wish('a', print), found);
  expect(kept.find(wish('a', print), head('5'))).toBeUndefined();
});

test('what was looked at last is kept, and no more than that', () => {
  const kept = new AsWanted();
  for (let index = 0; index < 10_000; index++) twice(kept, wish(`n/${index}`), object('a', '5'));
  const left = Array.from({ length: 10_000 }, (_, index) => kept.find(wish(`n/${index}`), head('5'))).filter(Boolean);
  expect(left.length).toBeGreaterThan(100);
  expect(left.length).toBeLessThan(1_000);
  expect(kept.find(wish('n/9999'), head('5'))).toBeDefined();
});
