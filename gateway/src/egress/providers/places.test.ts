import { expect, test } from 'vitest';
import { Places } from './places.ts';

const never = new AbortController().signal;

test('as many as allowed get a place at once, and each name has its own', async () => {
  const places = new Places(1);
  expect(await Promise.all([1, 2, 3].map(() => places.take('a', 'acme', 2, never)))).toEqual([true, true, false]);
  expect(await places.take('b', 'acme', 2, never)).toBe(true);
  expect(Object.fromEntries(places.taken)).toEqual({ a: 2, b: 1 });
});

test('a place that is given back goes to who has waited longest', async () => {
  const places = new Places(10_000);
  await places.take('a', 'acme', 1, never);
  const order: number[] = [];
  const waiting = [1, 2].map((number) => places.take('a', 'acme', 1, never).then(() => order.push(number)));
  places.give('a', 'acme');
  await waiting[0];
  expect(order).toEqual([1]);
  expect(places.taken.get('a')).toBe(1);
  places.give('a', 'acme');
  await waiting[1];
  expect(order).toEqual([1, 2]);
  places.give('a', 'acme');
  expect(places.taken.size).toBe(0);
});

test('who leaves while waiting takes no place', async () => {
  const places = new Places(10_000);
  await places.take('a', 'acme', 1, never);
  const leaving = new AbortController();
  const left = places.take('a', 'acme', 1, leaving.signal);
  leaving.abort();
  await expect(left).rejects.toThrow('aborted');
  places.give('a', 'acme');
  expect(places.taken.size).toBe(0);
  expect(await places.take('a', 'acme', 1, never)).toBe(true);
});

test('a limit that is raised lets those in who wait, a lowered one lets nobody in until there is room', async () => {
  const places = new Places(10_000);
  await places.take('a', 'acme', 1, never);
  const waiting = places.take('a', 'acme', 1, never);
  expect(await places.take('a', 'acme', 3, never)).toBe(true);
  expect(await waiting).toBe(true);
  const last = places.take('a', 'acme', 1, never);
  places.give('a', 'acme');
  places.give('a', 'acme');
  expect(places.taken.get('a')).toBe(1);
  places.give('a', 'acme');
  expect(await last).toBe(true);
});

test('a place that is given back goes to the tenant that has the fewest, however long another has waited', async () => {
  const places = new Places(10_000);
  for (let turn = 0; turn < 4; turn++) await places.take('a', 'greedy', 4, never);
  const order: string[] = [];
  for (const tenant of ['greedy', 'greedy', 'modest', 'modest', 'other'])
    void places.take('a', tenant, 4, never).then(() => order.push(tenant));
  for (const tenant of ['greedy', 'greedy', 'greedy', 'greedy', 'other']) {
    await new Promise(setImmediate);
    places.give('a', tenant);
  }
  await new Promise(setImmediate);
  expect(order, 'of equals, who has waited longest').toEqual(['modest', 'other', 'greedy', 'greedy', 'modest']);
});
