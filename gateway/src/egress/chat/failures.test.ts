import { errors } from 'undici';
import { expect, test } from 'vitest';
import { BrokenAnswer, NeverSent, ProviderFailure, refused } from '../providers/provider.ts';
import { TimeUp } from './call-time.ts';
import { costsNothing, verdictOn } from './failures.ts';
import { pauseBefore } from './retry.ts';

const code = (name: string) => Object.assign(new Error(name), { code: name });

test.each([
  ['no connection', 'unreachable', new NeverSent(code('ECONNREFUSED'))],
  ['no connection within the time for one', 'unreachable', new NeverSent(new errors.ConnectTimeoutError())],
  ['a certificate that is not believed', 'unreachable', new NeverSent(code('CERT_HAS_EXPIRED'))],
  // what a tenant can bring about is felt by that tenant alone
  ['no connection in the little time that was left', 'failed', new NeverSent(new TimeUp(1))],
  ['a key that fits into no header', 'failed', new NeverSent(new errors.InvalidArgumentError('invalid authorization header'))],
  ['an answer that is none', 'failed', new BrokenAnswer('its answer is no JSON')],
  ['an answer that says so', 'failed', new ProviderFailure(503)],
  ['a refusal', 'answered', new ProviderFailure(400)],
  ['what it could not take and was not asked', 'untried', refused({ problem: 'it is nested too deeply' })],
])('%s: the provider is %s', (_, verdict, error) => {
  expect(verdictOn(error)).toBe(verdict);
});

test('a request that could never be sent is not sent again; one that ran out of time is', () => {
  expect(pauseBefore(0, new NeverSent(new errors.InvalidArgumentError('invalid authorization header')))).toBeUndefined();
  expect(pauseBefore(0, new NeverSent(new TimeUp(1)))).toBeLessThanOrEqual(250);
});

test('what a provider says that it did not begin with costs nothing; behind any other failure there may be a model that has answered', () => {
  const free = (status: number, type: 'OpenAI' | 'AzureOpenAI' = 'OpenAI') => costsNothing(new ProviderFailure(status), { type });
  for (const status of [301, 400, 401, 403, 404, 413, 422, 429, 503, 529]) expect(free(status), String(status)).toBe(true);
  for (const status of [204, 408, 499, 500, 501, 502, 504, 520, 521, 522, 523, 524]) expect(free(status), String(status)).toBe(false);
  expect([free(400, 'AzureOpenAI'), free(429, 'AzureOpenAI')], 'Azure bills what it read').toEqual([false, true]);
  expect(costsNothing(new NeverSent(code('ECONNREFUSED')), { type: 'AzureOpenAI' })).toBe(true);
  expect(costsNothing(new BrokenAnswer('its answer is no JSON'), { type: 'OpenAI' })).toBe(false);
});
