import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Shares } from './shares.ts';

const acme = { uid: 'u1', tenant: 'acme' };
const bravo = { uid: 'u2', tenant: 'bravo' };
const hour = 3_600_000;
const plenty = { connections: 1_000, totalConnections: 1_000, hourlyBytes: 1_000 };

test('a tenant has so many connections at once and no more, whatever others have', () => {
  const shares = new Shares({ ...plenty, connections: 2, hourlyBytes: 100 });
  for (const one of [acme, acme, bravo]) shares.enter(one);
  expect(() => shares.enter(acme)).toThrow(/"acme" has 2 connections open/);
  expect(shares.open).toBe(3);
  shares.leave('u1');
  shares.enter(acme);
});

test('who has used the bytes of an hour waits for the next one, and is told for how long', () => {
  let now = 5 * hour + 1_800_000;
  const shares = new Shares({ ...plenty, connections: 2, hourlyBytes: 100 }, () => now);
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
  const shares = new Shares({ ...plenty, connections: 1, hourlyBytes: 0 });
  expect(() => shares.enter(acme)).toThrow(/bytes/);
  expect(shares.open).toBe(0);
});

test('nobody has more connections than it leaves free, so that whoever comes next finds some', () => {
  const shares = new Shares({ ...plenty, totalConnections: 24 });
  const takeAll = (name: string) => {
    for (let taken = 0; ; taken++)
      try {
        shares.enter({ uid: name, tenant: name });
      } catch (error) {
        expect(error).toMatchObject({ code: 'proxy_busy' });
        return taken;
      }
  };
  expect([takeAll('a'), takeAll('b'), takeAll('c')]).toEqual([12, 6, 3]);
  for (let turn = 0; turn < 12; turn++) shares.leave('a');
  expect([takeAll('c'), takeAll('b'), takeAll('a')], 'all of them greedy').toEqual([6, 2, 4]);
  expect(shares.open).toBe(21);
});

test('however tenants come and go, none is let in that has as many as are free, others all are, and no place is lost', () => {
  const visit = fc.record({ tenant: fc.constantFrom('a', 'b', 'c', 'd'), comes: fc.boolean() });
  fc.assert(
    fc.property(fc.array(visit, { maxLength: 200 }), (visits) => {
      const shares = new Shares({ ...plenty, connections: 7, totalConnections: 16 });
      const open = new Map<string, number>();
      for (const { tenant, comes } of visits) {
        const own = open.get(tenant) ?? 0;
        if (!comes) {
          if (own > 0) shares.leave(tenant);
          open.set(tenant, Math.max(0, own - 1));
          continue;
        }
        const free = 16 - shares.open;
        const enter = () => shares.enter({ uid: tenant, tenant });
        if (own < 7 && own < free) enter();
        else expect(enter).toThrow();
        open.set(tenant, own < 7 && own < free ? own + 1 : own);
        expect(shares.open).toBe([...open.values()].reduce((sum, count) => sum + count));
      }
      for (const [tenant, count] of open) for (let turn = 0; turn < count; turn++) shares.leave(tenant);
      expect(shares.open).toBe(0);
    }),
  );
});
