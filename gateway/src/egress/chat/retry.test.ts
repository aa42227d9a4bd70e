import { describe, expect, test } from 'vitest';
import { fail } from '../errors.ts';
import { BrokenAnswer, NeverSent, ProviderFailure } from '../providers/provider.ts';
import { TimeUp } from './call-time.ts';
import { mayFallBack, pauseBefore } from './retry.ts';

const code = (name: string) => Object.assign(new Error(name), { code: name });

describe('a call is sent again after', () => {
  test.each([408, 429, 500, 502, 503, 504, 529])('status %i', (status) => {
    expect(pauseBefore(0, new ProviderFailure(status))).toBeLessThanOrEqual(250);
  });
  test.each([
    ['a refused connection', new NeverSent(code('ECONNREFUSED'))],
    ['a certificate that nobody has signed', new NeverSent(code('DEPTH_ZERO_SELF_SIGNED_CERT'))],
    ['a connection that broke', code('UND_ERR_SOCKET')],
    ['an answer that is none', new BrokenAnswer('its answer is no JSON')],
    ['no first token in time', new TimeUp(5)],
  ])('%s', (_, error) => {
    expect(pauseBefore(0, error)).toBeLessThanOrEqual(250);
  });
});

describe('a call is not sent again after', () => {
  test.each([400, 401, 403, 404, 413, 422, 501])('status %i', (status) => {
    expect(pauseBefore(0, new ProviderFailure(status))).toBeUndefined();
  });
  test('429 because the platform’s own account is exhausted', () => {
    expect(pauseBefore(0, new ProviderFailure(429, { quotaSpent: true }))).toBeUndefined();
  });
  test('a refusal of the budget', () => {
    expect(pauseBefore(0, fail('budget_exceeded'))).toBeUndefined();
  });
  test('an error of our own', () => {
    expect(pauseBefore(0, new TypeError('x is undefined'))).toBeUndefined();
  });
});

describe('the pause', () => {
  test('is anything up to a bound that doubles with each retry, and has a longest', () => {
    const longest = [0, 1, 2, 3, 4, 9].map((retry) => pauseBefore(retry, new ProviderFailure(503), () => 1));
    expect(longest).toEqual([250, 500, 1000, 2000, 4000, 4000]);
    expect(pauseBefore(5, new ProviderFailure(503), () => 0)).toBe(0);
  });
  test('is never shorter than what the provider asks for', () => {
    expect(pauseBefore(0, new ProviderFailure(429, { retryAfterSeconds: 3 }), () => 0)).toBe(3000);
  });
  test('is not made where the provider asks for more than ten seconds', () => {
    expect(pauseBefore(0, new ProviderFailure(429, { retryAfterSeconds: 11 }))).toBeUndefined();
  });
});

test.each([
  ['provider_failed', true],
  ['provider_unreachable', true],
  ['provider_rate_limited', true],
  ['provider_credentials_rejected', true],
  ['provider_busy', true],
  ['provider_rejected', false],
  ['budget_exceeded', false],
  ['model_not_allowed', false],
] as const)('whether another model answers after %s: %s', (failure, expected) => {
  expect(mayFallBack(fail(failure))).toBe(expected);
});
