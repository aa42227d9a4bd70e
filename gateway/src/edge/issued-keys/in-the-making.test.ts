import { expect, test } from 'vitest';
import { inTheMaking } from './in-the-making.ts';

test('keys count from when they are asked for until they are known, given up, or a minute old', () => {
  let now = 0;
  const making = inTheMaking(() => now);
  for (const id of ['a', 'b', 'c']) making.begin('u', id);
  making.begin('other', 'd');
  expect(making.count('u', () => false)).toBe(3);
  expect(making.count('u', (id) => id === 'a')).toBe(2);
  making.end('u', 'b');
  making.end('nobody', 'b');
  expect([making.count('u', () => false), making.count('other', () => false)]).toEqual([1, 1]);
  now = 60_001;
  expect([making.count('u', () => false), making.count('nobody', () => false)]).toEqual([0, 0]);
});
