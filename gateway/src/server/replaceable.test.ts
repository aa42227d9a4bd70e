import { expect, test } from 'vitest';
import { Replaceable } from './replaceable.ts';

test('who has begun ends with the old one, which is closed after the last of them', async () => {
  const closed: string[] = [];
  const thing = new Replaceable('old', (value) => closed.push(value));
  const ending = Array.from({ length: 2 }, () => Promise.withResolvers<string>());
  const uses = ending.map(({ promise }) => thing.use(async (value) => `${value} ${await promise}`));
  thing.replace('new');
  expect(await thing.use((value) => Promise.resolve(value))).toBe('new');
  ending[0]?.resolve('a');
  expect(await uses[0]).toBe('old a');
  expect(closed).toEqual([]);
  ending[1]?.reject(new Error('failed'));
  await expect(uses[1]).rejects.toThrow('failed');
  expect(closed).toEqual(['old']);
});

test('one that nobody uses is closed at once', () => {
  const closed: string[] = [];
  const thing = new Replaceable('old', (value) => closed.push(value));
  thing.replace('new');
  expect([thing.current, ...closed]).toEqual(['new', 'old']);
});
