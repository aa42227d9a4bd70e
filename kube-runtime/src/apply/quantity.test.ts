import { expect, test } from 'vitest';
import { sameQuantity } from './quantity.ts';

test.each([
  ['1000m', '1'],
  [1, '1'],
  ['1Gi', '1024Mi'],
  ['1.5Gi', '1536Mi'],
  ['0.5', '500m'],
  ['1e3', '1k'],
  ['1E3', '1000'],
  ['128974848', '123Mi'],
  ['100n', '0.1u'],
  ['9007199254740993', '9007199254740993000m'],
  ['.5', '0.50'],
])('%s is the same as %s', (a, b) => {
  expect(sameQuantity(a, b)).toBe(true);
});

test.each([
  ['1', '1001m'],
  ['1Gi', '1G'],
  ['9007199254740993', '9007199254740992'],
  ['1', 'one'],
  ['', '0'],
  ['Ki', '0'],
  ['1Mi2', '1Mi'],
  [true, '1'],
])('%s is not the same as %s', (a, b) => {
  expect(sameQuantity(a, b)).toBe(false);
});
