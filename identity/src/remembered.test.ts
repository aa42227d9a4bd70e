import { expect, test } from 'vitest';
import { remembered } from './remembered.ts';

test('a token is proven once, until what it proves is over', async () => {
  let [now, asked] = [0, 0];
  const ask = remembered(
    (token) => {
      asked++;
      return Promise.resolve({ value: `${token} ${asked}`, until: now + 1_000 });
    },
    () => now,
  );
  expect([await ask('a'), await ask('a'), await ask('b')]).toEqual(['a 1', 'a 1', 'b 2']);
  now = 1_000;
  expect(await ask('a')).toBe('a 3');
});

test('what is not proven is asked about each time', async () => {
  const answers = [undefined, 'refused', { value: 'now', until: Infinity }];
  const ask = remembered(() => {
    const answer = answers.shift();
    return answer === 'refused' ? Promise.reject(new Error('refused')) : Promise.resolve(typeof answer === 'string' ? undefined : answer);
  });
  expect(await ask('a')).toBeUndefined();
  await expect(ask('a')).rejects.toThrow('refused');
  expect(await ask('a')).toBe('now');
});
