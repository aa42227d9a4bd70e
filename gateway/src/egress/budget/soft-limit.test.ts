import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Limit } from './limits.ts';
import { limitsUnder, progressOf, untilReleased, type Soft } from './soft-limit.ts';

const hour = 3_600_000;
const limits: Limit[] = [{ kind: 'daily', microUsd: 1_000n, tokens: undefined }];
const at = (hours: number) => {
  const progress = progressOf('daily', '2026-11-01', (24 - hours) * hour);
  return { daily: progress, monthly: progress };
};
const moneyAt = (soft: Soft, hours: number | undefined) =>
  limitsUnder(limits, soft, hours === undefined ? undefined : at(hours))[0]?.microUsd;

describe('what is beyond the soft share', () => {
  test('is kept all the time where cheaper calls are to have it', () => {
    const soft: Soft = { percent: 80, rest: 'kept' };
    expect([undefined, 0, 12, 24].map((hours) => moneyAt(soft, hours))).toEqual([800n, 800n, 800n, 800n]);
  });

  test('is released evenly over the window where calls are to be slowed down', () => {
    const soft: Soft = { percent: 80, rest: 'released' };
    expect([undefined, 0, 6, 12, 24, 25].map((hours) => moneyAt(soft, hours))).toEqual([800n, 800n, 850n, 900n, 1_000n, 1_000n]);
  });

  test('leaves a unit without a limit without one, and a limit of nothing at nothing', () => {
    const [limit] = limitsUnder([{ kind: 'daily', microUsd: 0n, tokens: undefined }], { percent: 80, rest: 'released' }, at(12));
    expect(limit).toEqual({ kind: 'daily', microUsd: 0n, tokens: undefined });
  });
});

test.each([
  ['2026-02-01', 28],
  ['2028-02-01', 29],
  ['2026-11-01', 30],
  ['2026-12-01', 31],
])('a month that began on %s has %i days', (month, days) => {
  expect(progressOf('monthly', month, 24 * hour)).toEqual({ elapsed: (days - 1) * 24 * hour, length: days * 24 * hour });
});

test('a window never releases more than its limit nor takes anything back, and opens when it says so and not a millisecond before', () => {
  const ms = fc.integer({ min: 0, max: 24 * hour });
  const amount = fc.bigInt(1n, 10n ** 12n);
  fc.assert(
    fc.property(amount, fc.integer({ min: 1, max: 99 }), ms, ms, fc.bigInt(0n, 100n), (limit, percent, one, other, share) => {
      const soft: Soft = { percent, rest: 'released' };
      const only: Limit[] = [{ kind: 'daily', microUsd: limit, tokens: undefined }];
      const allowed = (elapsed: number) => {
        const progress = { elapsed, length: 24 * hour };
        return limitsUnder(only, soft, { daily: progress, monthly: progress })[0]?.microUsd ?? 0n;
      };
      expect(allowed(Math.min(one, other)) <= allowed(Math.max(one, other))).toBe(true);
      expect(allowed(one) <= limit).toBe(true);
      const needed = (limit * share) / 100n;
      const progress = { elapsed: one, length: 24 * hour };
      const wait = untilReleased(only, soft, { daily: progress, monthly: progress }, () => ({ microUsd: needed, tokens: 0n }));
      if (allowed(one) >= needed) return;
      expect(allowed(one + wait) >= needed).toBe(true);
      expect(allowed(one + wait - 1) < needed).toBe(true);
      expect(one + wait <= 24 * hour).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
