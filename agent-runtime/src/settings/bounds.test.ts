import { describe, expect, test } from 'vitest';
import { testDocument } from '../runtime.fixture.ts';
import { isAdjustable, violations, withinBounds } from './bounds.ts';
import { noSettings } from './tenant-settings.ts';

const bounded = testDocument({
  model: 'main/model',
  settings: {
    models: ['extra/model'],
    temperature: { min: 0.2, max: 0.8 },
    maxOutputTokens: { min: 10, max: 100 },
    additionalInstructions: { maxLength: 5 },
  },
});
const fixed = testDocument({ model: 'main/model', settings: {} });

describe('a setting within its bounds is accepted', () => {
  test.each([
    ['nothing at all', {}],
    ['the model of the AgentConfig', { model: 'main/model' }],
    ['a model on offer', { model: 'extra/model' }],
    ['the lowest temperature', { temperature: 0.2 }],
    ['the highest temperature', { temperature: 0.8 }],
    ['the smallest output', { maxOutputTokens: 10 }],
    ['the largest output', { maxOutputTokens: 100 }],
    ['an addition of the greatest length', { additionalInstructions: '12345' }],
    ['an empty addition', { additionalInstructions: '' }],
  ])('%s', (_what, settings) => {
    expect(violations(bounded, { ...noSettings, ...settings })).toEqual([]);
  });
});

describe('a setting out of bounds is refused with field, value and bounds', () => {
  test.each([
    [{ model: 'foreign/model' }, 'model is "foreign/model"; it must be one of main/model, extra/model'],
    [{ temperature: 0.1 }, 'temperature is 0.1; it must be from 0.2 to 0.8'],
    [{ temperature: 0.81 }, 'temperature is 0.81; it must be from 0.2 to 0.8'],
    [{ maxOutputTokens: 9 }, 'maxOutputTokens is 9; it must be from 10 to 100'],
    [{ maxOutputTokens: 101 }, 'maxOutputTokens is 101; it must be from 10 to 100'],
    [{ additionalInstructions: '123456' }, 'additionalInstructions has 6 characters; at most 5 are allowed'],
  ])('%j', (settings, problem) => {
    expect(violations(bounded, { ...noSettings, ...settings }).map((violation) => violation.problem)).toEqual([problem]);
  });
});

describe('a setting without bounds cannot be changed', () => {
  test.each([{ model: 'extra/model' }, { temperature: 0.5 }, { maxOutputTokens: 50 }, { additionalInstructions: 'x' }])(
    '%j',
    (settings) => {
      const [field] = Object.keys(settings);
      expect(violations(fixed, { ...noSettings, ...settings })).toMatchObject([{ field }]);
    },
  );

  test('but may be sent as null', () => {
    expect(violations(fixed, noSettings)).toEqual([]);
  });
});

test('every wrong field is named, not only the first', () => {
  const wrong = { model: 'foreign/model', temperature: 2, maxOutputTokens: 0, additionalInstructions: '123456' };
  expect(violations(bounded, wrong)).toHaveLength(4);
});

test('a stored value gives way when the bounds have narrowed; the others stay', () => {
  const stored = { model: 'gone/model', temperature: 0.5, maxOutputTokens: 5_000, additionalInstructions: 'short' };
  expect(withinBounds(bounded, stored)).toEqual({ ...noSettings, temperature: 0.5, additionalInstructions: 'short' });
});

test('settings that nobody may change need not be read', () => {
  expect([isAdjustable(bounded), isAdjustable(fixed)]).toEqual([true, false]);
});
