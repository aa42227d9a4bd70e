import { expect, test } from 'vitest';
import type { Head } from '../cache/informer.ts';
import type { BaseObject } from '../resource.ts';
import { AsWanted } from './as-wanted.ts';

const object = (name: string, resourceVersion: string, uid = 'u'): BaseObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'n', uid, resourceVersion },
});
const head = (resourceVersion: string, uid = 'u'): Head => ({
  name: 'a',
  namespace: 'n',
  uid,
  resourceVersion,
  creationTimestamp: undefined,
});

function twice(kept: AsWanted, name: string, print: string, found: BaseObject): void {
  kept.note(name, print, found);
  kept.note(name, print, found);
}

test('the same wish and the same version of the same object have the same answer, from the second time on', () => {
  const kept = new AsWanted();
  const found = object('a', '5');
  kept.note('a', 'wish', found);
  expect(kept.find('a', 'wish', head('5'))).toBeUndefined();
  kept.note('a', 'wish', found);
  expect(kept.find('a', 'wish', head('5'))).toBe(found);
});

test.each<[string, string, Head | undefined]>([
  ['another wish', 'another', head('5')],
  ['another version', 'wish', head('6')],
  ['another object of that name', 'wish', head('5', 'v')],
  ['an object that is gone, or in no cache', 'wish', undefined],
])('%s is looked at anew', (_, print, there) => {
  const kept = new AsWanted();
  twice(kept, 'a', 'wish', object('a', '5'));
  expect(kept.find('a', print, there)).toBeUndefined();
});

test('what was looked at last is kept, and no more than that', () => {
  const kept = new AsWanted();
  for (let index = 0; index < 10_000; index++) twice(kept, `n/${index}`, 'wish', object('a', '5'));
  const left = Array.from({ length: 10_000 }, (_, index) => kept.find(`n/${index}`, 'wish', head('5'))).filter(Boolean);
  expect(left.length).toBeGreaterThan(100);
  expect(left.length).toBeLessThan(1_000);
  expect(kept.find('n/9999', 'wish', head('5'))).toBeDefined();
});
