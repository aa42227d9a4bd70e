import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { admitted, claimOf, describeLimiter, limitOf } from './limiter.specification.ts';
import { LocalLimiter } from './local-limiter.ts';

describe('a count in one process', () => {
  const limiter = new LocalLimiter();
  describeLimiter(() => [limiter]);
});

/** A limiter whose time is told. */
function limiterAt(start: number) {
  let now = start;
  return { limiter: new LocalLimiter(() => now), now: () => now, wait: (ms: number) => (now += ms) };
}

test('no minute ever sees more than the limit, whenever requests come', async () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 100 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 20 }), gaps, async (most, waits) => {
      const { limiter, now, wait } = limiterAt(1_000_000);
      const limit = limitOf('requests', most);
      const times: number[] = [];
      for (const ms of waits) {
        wait(ms);
        if (await admitted(limiter, limit)) times.push(now());
      }
      for (const start of times) expect(times.filter((at) => at >= start && at < start + 60_000).length).toBeLessThanOrEqual(most);
    }),
  );
});

test('whoever waits as long as it was told is admitted, and not a second earlier', async () => {
  const charges = fc.array(fc.record({ ms: fc.integer({ min: 0, max: 9_000 }), tokens: fc.integer({ min: 1, max: 500 }) }), {
    minLength: 1,
  });
  await fc.assert(
    fc.asyncProperty(charges, async (all) => {
      const { limiter, wait } = limiterAt(1_000_000);
      const limit = limitOf('tokens', 300);
      for (const { ms, tokens } of all) {
        wait(ms);
        limiter.end(claimOf(limit), tokens);
      }
      const [standing] = await limiter.take(claimOf(limit));
      const seconds = standing?.retrySeconds ?? 0;
      fc.pre(seconds > 0);
      wait((seconds - 1) * 1000);
      expect(await admitted(limiter, limit)).toBeUndefined();
      wait(1000);
      expect(await admitted(limiter, limit)).toBeDefined();
    }),
  );
});

test('users who do not come again are forgotten', async () => {
  const { limiter, wait } = limiterAt(1_000_000);
  for (let user = 0; user < 50; user++) {
    const claim = await admitted(limiter, limitOf('requests', 1), limitOf('concurrent', 1), limitOf('tokens', 5));
    if (claim) limiter.end(claim, 5);
  }
  wait(122_000);
  await admitted(limiter, limitOf('requests', 1));
  expect(limiter.size).toBe(1);
});
