import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { tenants, type Tenant } from '../kinds.ts';
import { Arrivals } from './arrivals.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

const tenant = (name: string, observedGeneration: number): Tenant => ({
  apiVersion: tenants.apiVersion,
  kind: tenants.kind,
  metadata: { name },
  spec: {},
  status: { observedGeneration },
});
const comes = (to: Arrivals, name: string) => to.note({ type: 'added', object: tenant(name, -1) });
const isTold = (to: Arrivals, name: string) => to.note({ type: 'updated', object: tenant(name, 1) });
const goes = (to: Arrivals, name: string) => to.note({ type: 'deleted', object: tenant(name, -1) });

test('who comes alone waits for nobody, and nobody for it once it has been told of', () => {
  const arrivals = new Arrivals();
  comes(arrivals, 'acme');
  expect(arrivals.courtesy('acme')).toBe(0);
  vi.advanceTimersByTime(400);
  isTold(arrivals, 'acme');
  expect([arrivals.none, arrivals.courtesy('acme'), arrivals.courtesy('bravo')]).toEqual([true, 0, 0]);
});

test('agents let tenants that come together go first, until all of these have been told of, and for a moment after', () => {
  const arrivals = new Arrivals();
  comes(arrivals, 'acme');
  vi.advanceTimersByTime(100);
  comes(arrivals, 'bravo');
  expect(arrivals.courtesy('acme')).toBe(14_900);
  isTold(arrivals, 'acme');
  isTold(arrivals, 'bravo');
  expect(arrivals.courtesy('acme')).toBe(300);
  expect(arrivals.courtesy('bravo')).toBe(200);
  vi.advanceTimersByTime(200);
  expect(arrivals.courtesy('acme')).toBe(100);
  vi.advanceTimersByTime(100);
  expect([arrivals.courtesy('acme'), arrivals.courtesy('bravo')]).toEqual([0, 0]);
});

test('at a pace at which each is told of before the next one comes, the agents of all go after the last', () => {
  const arrivals = new Arrivals();
  for (let number = 0; number < 20; number++) {
    comes(arrivals, `t${number}`);
    vi.advanceTimersByTime(60);
    isTold(arrivals, `t${number}`);
    if (number > 0) expect(arrivals.courtesy('t0')).toBeGreaterThan(0);
    vi.advanceTimersByTime(40);
  }
  vi.advanceTimersByTime(300);
  expect(arrivals.courtesy('t0')).toBe(0);
});

test('arrivals that never end hold up nobody for longer than 15 s', () => {
  const arrivals = new Arrivals();
  for (let ms = 0; ms < 15_000; ms += 100) {
    comes(arrivals, `t${ms}`);
    vi.advanceTimersByTime(100);
  }
  expect(arrivals.courtesy('acme')).toBe(0);
});

test('one of which nothing can be told holds up others once, and when it goes the next ones are waited for again', () => {
  const arrivals = new Arrivals();
  comes(arrivals, 'stuck');
  expect(arrivals.courtesy('acme')).toBe(15_000);
  vi.advanceTimersByTime(15_000);
  comes(arrivals, 'bravo');
  expect(arrivals.courtesy('acme')).toBe(0);
  isTold(arrivals, 'bravo');
  goes(arrivals, 'stuck');
  expect(arrivals.none).toBe(true);
  vi.advanceTimersByTime(400);
  comes(arrivals, 'charlie');
  expect(arrivals.courtesy('acme')).toBe(15_000);
});
