import { expect, test } from 'vitest';
import { failures } from './index.ts';

const fail = failures({ budget_exceeded: { status: 429, type: 'insufficient_quota', say: 'the {window} budget is spent' } });

test('an error says what happened in the shape that OpenAI clients parse', () => {
  expect(fail('budget_exceeded', { values: { window: 'daily' } }).body).toEqual({
    error: { message: 'the daily budget is spent', type: 'insufficient_quota', param: null, code: 'budget_exceeded' },
  });
});

test('an error tells in whole seconds when to try again', () => {
  expect(fail('budget_exceeded', { retryAfterSeconds: 1.2 }).headers).toEqual({ 'retry-after': '2' });
});
