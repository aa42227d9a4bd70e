import { expect, test } from 'vitest';
import { interned, remembered } from './remembered.ts';

test('what is made of an object is made once, even where it is nothing; of another one anew', () => {
  let made = 0;
  const of = remembered(({ name }: { name: string }) => (made++, name === '' ? undefined : `${name}!`));
  const [a, b, nameless] = [{ name: 'a' }, { name: 'a' }, { name: '' }];
  expect([of(a), of(a), made]).toEqual(['a!', 'a!', 1]);
  expect([of(b), made]).toEqual(['a!', 2]);
  expect([of(nameless), of(nameless), made]).toEqual([undefined, undefined, 3]);
});

test('of two values that are the same, the earlier one is given, as long as it is among the latest', () => {
  const same = interned<{ name: string; says: number }>({ limit: 2, about: ({ name }) => name, text: JSON.stringify });
  const [first, changed] = [
    { name: 'a', says: 1 },
    { name: 'a', says: 2 },
  ];
  expect(same(first)).toBe(first);
  expect(same({ ...first })).toBe(first);
  expect(same(changed)).toBe(changed);
  expect(same(first)).toBe(first);
  same({ name: 'b', says: 1 });
  same({ name: 'c', says: 1 });
  const again = { ...first };
  expect(same(again)).toBe(again);
});
