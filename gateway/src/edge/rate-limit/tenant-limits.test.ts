/** What one tenant's limits are told and tell, by a Redis that says what and when it is told to. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { claimOf, limitOf } from './limiter.specification.ts';
import { TenantLimits, type Say } from './tenant-limits.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => vi.useRealTimers());

/** Admits all who wait, and gives nothing in hand. */
const admitAll: Say = (limits, wants) =>
  Promise.resolve({
    told: limits.map(() => ({ base: 0, resetSeconds: 0, retrySeconds: 0, share: 0, more: 0 })),
    admitted: wants.map(({ requests }) => requests),
  });

test('what was said in a message that was not answered is said again soon, and not forgotten before', async () => {
  let cut = true;
  const say = vi.fn<Say>((...message) => (cut ? Promise.reject(new Error('lost on the way back')) : admitAll(...message)));
  const forget = vi.fn();
  const limits = new TenantLimits(say, 30, forget);
  await expect(limits.take(claimOf(limitOf('concurrent', 10)))).rejects.toThrow('lost on the way back');
  await vi.advanceTimersByTimeAsync(5_000);
  expect(forget).not.toHaveBeenCalled();
  cut = false;
  say.mockClear();
  await vi.advanceTimersByTimeAsync(250);
  expect(say.mock.calls.map(([asks]) => asks)).toMatchObject([[{ held: 0, inHand: 0, unsure: true }]]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(say).toHaveBeenCalledOnce();
  expect(forget).toHaveBeenCalled();
});

test('a limit for which a request waits is not forgotten, however long Redis takes to answer', async () => {
  const unanswered: (() => void)[] = [];
  const say = vi.fn<Say>((...message) => new Promise((resolve) => unanswered.push(() => resolve(admitAll(...message)))));
  const limits = new TenantLimits(say, 30, vi.fn());
  const answer = async () => {
    unanswered.splice(0).forEach((one) => one());
    await vi.advanceTimersByTimeAsync(0);
  };
  const limit = limitOf('concurrent', 10);
  const first = limits.take(claimOf(limit));
  await vi.advanceTimersByTimeAsync(3_000);
  const second = limits.take(claimOf(limit));
  await answer();
  await answer();
  await Promise.all([first, second]);
  void limits.take(claimOf(limit));
  await vi.advanceTimersByTimeAsync(0);
  expect(say.mock.lastCall?.[0]).toMatchObject([{ key: limit.key, held: 2 }]);
});
