/** Through egress as a whole, with a double of the wire format of Gemini's layer for OpenAI's clients behind it. */
import { describe, expect, test, vi } from 'vitest';
import { model } from '../../egress.fixture.ts';
import { beginStream, endMark, inTurn, streamed } from '../provider.double.ts';
import { providerUnderTest } from '../provider.fixture.ts';
import * as api from './gemini-api.double.ts';

const hello = api.answered('Hello', { input: 10, output: 5, thinking: 0 });
const { egress, running, provider, key, chat, embed, refusalOf, settled } = await providerUnderTest(
  'Gemini',
  { retries: 1, models: [model('flash')] },
  hello,
);

test('Gemini hears the platform’s key as bearer token, and a maximum, which holds for its thinking, too', async () => {
  await (await chat()).text();
  expect(provider.asked[0]).toMatchObject({
    url: '/v1/chat/completions',
    headers: { authorization: `Bearer ${key}` },
    body: { model: 'flash', max_tokens: 1000 },
  });
});

describe('the usage of Gemini', () => {
  test('has its thinking in the total alone, and that is billed as output', async () => {
    provider.answer = api.answered('Hello', { input: 10, output: 5, thinking: 40 });
    await (await chat()).text();
    await settled({ settled: 10 + 2 * 45, reserved: 0, tokens: 55 });
  });

  test('is billed where thinking was all that the maximum allowed', async () => {
    provider.answer = api.answered('', { input: 10, output: 0, thinking: 40 }, 'length');
    expect(await (await chat()).text()).toContain('"finish_reason":"length"');
    await settled({ settled: 10 + 2 * 40, reserved: 0 });
  });

  test('comes with each piece of a stream, and the last counts', async () => {
    const first = api.counted('Hel', { input: 10, output: 1, thinking: 20 });
    const pieces = [first, api.counted('lo', { input: 10, output: 2, thinking: 20 }, 'stop')];
    provider.answer = streamed(...pieces, endMark);
    expect(await (await chat({ stream: true })).text()).toBe(pieces.join('') + endMark);
    await settled({ settled: 10 + 2 * 22, reserved: 0 });
  });

  test('of a stream that broke off is no less than what it was so far, and not all', async () => {
    provider.answer = (response) => {
      beginStream(response).write(api.counted('Hel', { input: 10, output: 1, thinking: 200 }));
      setTimeout(() => response.destroy(), 100);
    };
    expect(await (await chat({ stream: true })).text()).toContain('"error"');
    await vi.waitFor(async () => expect((await egress.standing(running.tenant)).settled).toBeGreaterThan(10 + 2 * 201), 3_000);
    expect((await egress.standing(running.tenant)).settled, 'and what may have been under way').toBeLessThan(10 + 2 * 1000);
  });

  test('of embeddings may be missing: then all that was reserved is billed', async () => {
    provider.answer = api.vectors;
    expect((await embed('Hello')).status).toBe(200);
    expect(provider.asked[0]?.url).toBe('/v1/embeddings');
    await settled({ settled: 21, reserved: 0 });
  });
});

describe('what Gemini refuses', () => {
  test('because of the request is told in its words, out of the list that they come in', async () => {
    provider.answer = api.refusal(400, 'INVALID_ARGUMENT', 'Unknown name "seed": Cannot find field.');
    expect(await refusalOf(await chat())).toMatchObject({ status: 400, code: 'provider_rejected', message: /Unknown name "seed"/ });
    await settled({ settled: 0, reserved: 0 });
  });

  test('because of the key or the account is not the request’s fault, though the status says so', async () => {
    provider.answer = api.keyRefused;
    expect(await refusalOf(await chat())).toMatchObject({ status: 502, code: 'provider_credentials_rejected' });
    provider.answer = api.refusal(400, 'FAILED_PRECONDITION', 'User location is not supported for the API use.');
    expect(await refusalOf(await chat())).toMatchObject({ status: 502, code: 'provider_failed', message: /answered 402/ });
  });

  test('for a moment is tried again after the time that its body names; for longer, the caller hears so', async () => {
    provider.answer = inTurn(api.limited('0.02s'), api.answered('Hello', { input: 10, output: 5, thinking: 0 }));
    expect((await chat()).status).toBe(200);
    provider.answer = api.limited('34s');
    const answer = await chat();
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '34']);
  });

  test.each([
    ['a cache, which is input that nobody sees here', 'extra_body', { extra_body: { google: { cached_content: 'cachedContents/1' } } }],
    ['the same without its wrapping', 'google', { google: { cached_content: 'cachedContents/1' } }],
    ['a tool that Google runs', 'tools', { tools: [{ type: 'google_search', google_search: {} }] }],
  ])('is not asked for %s', async (_, param, body) => {
    expect(await refusalOf(await chat(body))).toMatchObject({ status: 400, code: 'parameter_not_priced', param });
    expect(provider.asked).toEqual([]);
  });

  test('is not how much it thinks', async () => {
    const extra_body = { google: { thinking_config: { thinking_budget: 100, include_thoughts: true } } };
    expect((await chat({ extra_body })).status).toBe(200);
    expect(provider.asked[0]?.body['extra_body']).toEqual(extra_body);
  });
});
