import { expect, test } from 'vitest';
import { remembered } from './remembered.ts';

test('what is made of an object is made once, even where it is nothing; of another one anew', () => {
  let made = 0;
  const of = remembered(({ name }: { name: string }) => (made++, name === '' ? undefined : `${name}!`));
  const [a, b, nameless] = [{ name: 'a' }, { name: 'a' }, { name: '' }];
  expect([of(a), of(a), made]).toEqual(['a!', 'a!', 1]);
  expect([of(b), made]).toEqual(['a!', 2]);
  expect([of(nameless), of(nameless), made]).toEqual([undefined, undefined, 3]);
});
