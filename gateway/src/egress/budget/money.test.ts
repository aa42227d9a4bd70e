import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ladder } from './ask.ts';
import { costOf, limitOf, priceOf } from './money.ts';

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
    expect(costOf(price(perMillion, 0), tokens, 0)).toBe(expected);
    expect(costOf(price(0, perMillion), 0, tokens)).toBe(expected);
  });

  test('is never less than the exact product, and never a micro-dollar more', () => {
    const cents = fc.integer({ min: 0, max: 10_000_000 });
    const tokens = fc.integer({ min: 0, max: 2_000_000 });
    fc.assert(
      fc.property(cents, cents, tokens, tokens, (inputCents, outputCents, input, output) => {
        const exact = BigInt(inputCents) * BigInt(input) + BigInt(outputCents) * BigInt(output);
        const cost = costOf(price(inputCents / 100, outputCents / 100), input, output) * 100n;
        expect(cost >= exact && cost < exact + 100n).toBe(true);
      }),
    );
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
