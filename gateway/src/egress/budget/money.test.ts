import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ladder } from './ask.ts';
import { costOf, limitOf, mostOf, priceOf } from './money.ts';
import { within } from './used.ts';

const price = (inputPerMillion: number, outputPerMillion: number) => priceOf({ inputPerMillion, outputPerMillion });

describe('a cost', () => {
  test.each([
    [0.15, 1_000_000, 150_000n],
    [0.07, 1_000_000, 70_000n],
    [0.07, 1, 1n],
    [0.000_001, 1, 1n],
    [0, 1_000_000, 0n],
    [15, 3, 45n],
  ])('at %d dollars a million, %i tokens cost %i micro-dollars, rounded up', (perMillion, tokens, expected) => {
    expect(costOf(price(perMillion, 0), { inputTokens: tokens, outputTokens: 0 })).toBe(expected);
    expect(costOf(price(0, perMillion), { inputTokens: 0, outputTokens: tokens })).toBe(expected);
  });

  const cents = fc.integer({ min: 0, max: 10_000_000 });
  const tokens = fc.integer({ min: 0, max: 2_000_000 });
  test('is never less than the exact product, and never a micro-dollar more', () => {
    fc.assert(
      fc.property(cents, cents, tokens, tokens, (inputCents, outputCents, inputTokens, outputTokens) => {
        const exact = BigInt(inputCents) * BigInt(inputTokens) + BigInt(outputCents) * BigInt(outputTokens);
        const cost = costOf(price(inputCents / 100, outputCents / 100), { inputTokens, outputTokens }) * 100n;
        expect(cost >= exact && cost < exact + 100n).toBe(true);
      }),
    );
  });

  describe('of input that a provider tells apart', () => {
    const prices = { inputPerMillion: 5, cachedInputPerMillion: 0.5, cacheWritePerMillion: 6.25, outputPerMillion: 30 };
    const used = { inputTokens: 1000, cachedTokens: 600, cacheWriteTokens: 300, outputTokens: 10 };
    test('is at the price of each part, and rounded once', () => {
      expect(costOf(priceOf(prices), used)).toBe(100n * 5n + 300n + 1875n + 300n);
      expect(costOf(priceOf({ ...prices, cachedInputPerMillion: 0.1, inputPerMillion: 0.1 }), { ...used, cachedTokens: 601 })).toBe(2245n);
    });
    test.each([
      ['what was cached', { cachedInputPerMillion: undefined }, 100n * 5n + 3000n + 1875n + 300n],
      ['what was written to the cache', { cacheWritePerMillion: undefined }, 100n * 5n + 300n + 1500n + 300n],
      ['all of it', { cachedInputPerMillion: undefined, cacheWritePerMillion: undefined }, 5300n],
    ])('is what input costs for %s, where that has no price of its own', (_, changes, expected) => {
      expect(costOf(priceOf({ ...prices, ...changes }), used)).toBe(expected);
    });
    test('is the dearest for all of it where it was not told apart', () => {
      expect(costOf(priceOf(prices), { ...used, inputUntold: true })).toBe(6250n + 300n);
      expect(costOf(priceOf({ ...prices, cacheWritePerMillion: undefined }), { ...used, inputUntold: true })).toBe(5300n);
    });

    const lists = fc.record({
      inputPerMillion: cents,
      cachedInputPerMillion: fc.option(cents, { nil: undefined }),
      cacheWritePerMillion: fc.option(cents, { nil: undefined }),
      outputPerMillion: cents,
    });
    /** As a provider may say it: parts that are more than their whole as well. */
    const said = fc.record({
      inputTokens: tokens,
      cachedTokens: fc.option(tokens, { nil: undefined }),
      cacheWriteTokens: fc.option(tokens, { nil: undefined }),
      outputTokens: tokens,
      inputUntold: fc.option(fc.constant(true), { nil: undefined }),
    });
    const bound = fc.record({ inputTokens: tokens, outputTokens: tokens });
    test('is never more than what is reserved for as many tokens, whatever the prices and however they are told apart', () => {
      fc.assert(
        fc.property(lists, said, bound, (list, told, most) => {
          const inCents = Object.fromEntries(Object.entries(list).map(([name, amount]) => [name, amount && amount / 100]));
          const each = priceOf({ ...list, ...inCents });
          expect(costOf(each, within(told, most))).toBeLessThanOrEqual(mostOf(each, most));
          expect(ladder({ ...most, named: true, price: each })[0].cost.microUsd).toBe(mostOf(each, most));
        }),
        { numRuns: 500 },
      );
    });
    test('has no more parts than there is input, and those that are dearer first', () => {
      const most = { inputTokens: 1000, outputTokens: 10 };
      const of = (cachedTokens: number, cacheWriteTokens: number) => within({ ...used, cachedTokens, cacheWriteTokens }, most);
      expect(of(9000, 300)).toMatchObject({ inputTokens: 1000, cachedTokens: 700, cacheWriteTokens: 300 });
      expect(of(600, 9000)).toMatchObject({ inputTokens: 1000, cachedTokens: 0, cacheWriteTokens: 1000 });
      expect(within({ ...used, inputTokens: 2000, cachedTokens: 2000 }, most)).toMatchObject({ cachedTokens: 700, cacheWriteTokens: 300 });
    });
  });
});

test.each([
  [0.1, 100_000n],
  [29.99, 29_990_000n],
  [0.000_000_9, 0n],
  [9_000_000_000, 9_000_000_000_000_000n],
])('a limit of %d dollars is %i micro-dollars, rounded down', (usd, expected) => {
  expect(limitOf(usd)).toBe(expected);
});

describe('what a call asks for', () => {
  const worst = { inputTokens: 100, outputTokens: 16_000, named: false, price: price(1, 1) };
  test('begins with the worst case and ends with the least that makes sense', () => {
    const rungs = ladder(worst);
    expect([rungs[0].outputTokens, rungs.at(-1)?.outputTokens]).toEqual([16_000, 256]);
    expect(rungs[0].cost).toEqual({ microUsd: 16_100n, tokens: 16_100n });
  });
  test('is never lowered below what its caller named, where that is little', () => {
    expect(ladder({ ...worst, outputTokens: 10, named: true }).map(({ outputTokens }) => outputTokens)).toEqual([10]);
  });
  test('leaves room for others only where its caller named no maximum', () => {
    expect(ladder(worst).map(({ headroom }) => headroom)).toEqual([4n, 4n, 1n, 1n, 1n, 1n, 1n]);
    expect(new Set(ladder({ ...worst, named: true }).map(({ headroom }) => headroom))).toEqual(new Set([1n]));
  });
});
