import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fail } from '../errors.ts';
import { longestThrottle, mostThrottled, Throttle } from './throttle.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const opensIn = (seconds: number) => fail('budget_throttled', { retryAfterSeconds: seconds });
const held = (changes: object = {}) => ({ tenant: 'acme', waited: 0, signal: new AbortController().signal, ...changes });

test('a call waits as long as it must, ten seconds in all', async () => {
  const throttle = new Throttle();
  const first = throttle.hold(opensIn(4), held());
  await vi.advanceTimersByTimeAsync(4_000);
  expect(await first).toBe(4_000);
  expect(await throttle.hold(opensIn(11), held())).toBeUndefined();
  expect(await throttle.hold(opensIn(7), held({ waited: 4_000 }))).toBeUndefined();
});

test('nothing else is waited for', async () => {
  const refusal = fail('budget_reserved', { retryAfterSeconds: 1 });
  expect(await new Throttle().hold(refusal, held())).toBeUndefined();
});

test('a hundred calls of a tenant wait and no more, those of others beside them', async () => {
  const throttle = new Throttle();
  const waiting = Array.from({ length: mostThrottled }, () => throttle.hold(opensIn(1), held()));
  expect(await throttle.hold(opensIn(1), held())).toBeUndefined();
  waiting.push(throttle.hold(opensIn(1), held({ tenant: 'bravo' })));
  await vi.advanceTimersByTimeAsync(longestThrottle);
  expect(new Set(await Promise.all(waiting))).toEqual(new Set([1_000]));
  const later = throttle.hold(opensIn(1), held());
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await later).toBe(1_000);
});

test('a caller that leaves makes room', async () => {
  const throttle = new Throttle();
  const leaving = new AbortController();
  const waiting = Array.from({ length: mostThrottled }, () => throttle.hold(opensIn(9), held({ signal: leaving.signal })));
  leaving.abort();
  expect((await Promise.allSettled(waiting)).every(({ status }) => status === 'rejected')).toBe(true);
  const next = throttle.hold(opensIn(1), held());
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await next).toBe(1_000);
});
