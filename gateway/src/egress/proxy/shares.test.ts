import { expect, test } from 'vitest';
import { Shares } from './shares.ts';

const acme = { uid: 'u1', tenant: 'acme' };
const bravo = { uid: 'u2', tenant: 'bravo' };
const hour = 3_600_000;

test('a tenant has so many connections at once and no more, whatever others have', () => {
  const shares = new Shares({ connections: 2, hourlyBytes: 100 });
  for (const one of [acme, acme, bravo]) shares.enter(one);
  expect(() => shares.enter(acme)).toThrow(/"acme" has 2 connections open/);
  expect(shares.open).toBe(3);
  shares.leave('u1');
  shares.enter(acme);
});

test('who has used the bytes of an hour waits for the next one, and is told for how long', () => {
  let now = 5 * hour + 1_800_000;
  const shares = new Shares({ connections: 2, hourlyBytes: 100 }, () => now);
  shares.enter(acme);
  expect([shares.take('u1', 99), shares.take('u1', 1), shares.take('u2', 99)]).toEqual([true, false, true]);
  const refused = (() => {
    try {
      shares.enter(acme);
    } catch (error) {
      return error;
    }
  })();
  expect(refused).toMatchObject({ code: 'too_many_bytes', headers: { 'retry-after': '1800' } });
  now += 1_800_000;
  shares.enter(acme);
});

test('a refused connection takes no place', () => {
  const shares = new Shares({ connections: 1, hourlyBytes: 0 });
  expect(() => shares.enter(acme)).toThrow(/bytes/);
  expect(shares.open).toBe(0);
});
