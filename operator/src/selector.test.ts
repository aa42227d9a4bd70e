import { expect, test } from 'vitest';
import { canSelect, type LabelSelector } from './selector.ts';

test.each<[string, LabelSelector, boolean]>([
  ['an equal label', { matchLabels: { tier: 'gold' } }, true],
  ['another value', { matchLabels: { tier: 'tin' } }, false],
  ['one of several', { matchExpressions: [{ key: 'tier', operator: 'In', values: ['tin', 'gold'] }] }, true],
  ['none of several', { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['tin'] }] }, true],
  ['a missing label that must not have a value', { matchExpressions: [{ key: 'x', operator: 'NotIn', values: ['y'] }] }, true],
  ['a label that is there', { matchExpressions: [{ key: 'tier', operator: 'Exists' }] }, true],
  ['a label that is not there', { matchExpressions: [{ key: 'x', operator: 'Exists' }] }, false],
  ['the absence of a label', { matchExpressions: [{ key: 'x', operator: 'DoesNotExist' }] }, true],
  ['only what fits all', { matchLabels: { tier: 'gold' }, matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] }, false],
])('a selector for %s', (_, selector, expected) => {
  expect(canSelect(selector, { tier: 'gold' })).toBe(expected);
});
