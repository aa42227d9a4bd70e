import { describe, expect, test } from 'vitest';
import { Backoff, listWatchBackoff } from './backoff.ts';

describe('pauses after faults', () => {
  test('double from 0.8 s to 30 s', () => {
    const backoff = new Backoff(listWatchBackoff, () => 0);
    expect([1, 2, 3, 4, 5, 6, 7, 8].map((now) => backoff.next(now))).toEqual([800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
  });

  test('are stretched at random to at most twice, and never beyond the cap', () => {
    const backoff = new Backoff(listWatchBackoff, () => 1);
    expect([1, 2, 3, 4, 5, 6].map((now) => backoff.next(now))).toEqual([1_600, 3_200, 6_400, 12_800, 25_600, 30_000]);
  });

  test('start over after two calm minutes', () => {
    const backoff = new Backoff(listWatchBackoff, () => 0);
    backoff.next(0);
    backoff.next(1);
    expect(backoff.isFresh(60_000)).toBe(false);
    expect(backoff.isFresh(120_002)).toBe(true);
    expect(backoff.next(120_002)).toBe(800);
  });
});
