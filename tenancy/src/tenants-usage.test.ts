import { expect, test } from 'vitest';
import { percentOf } from './tenants-usage.ts';

test.each([
  [0n, 10n, 0],
  [79n, 100n, 79],
  [7_999n, 10_000n, 79],
  [99n, 100n, 99],
  [9_901n, 10_000n, 100],
  [100n, 100n, 100],
  [250n, 100n, 250],
  [0n, 0n, 100],
])('%i of %i is %i percent', (used, limit, percent) => {
  expect(percentOf(used, limit)).toBe(percent);
});
