/** Through egress as a whole, with a double of the wire format of Azure OpenAI behind it. */
import { describe, expect, test, vi } from 'vitest';
import { ask, model } from '../../egress.fixture.ts';
import { completion, endMark, inTurn, stopChunk, streamed, usageChunk } from '../provider.double.ts';
import { providerUnderTest } from '../provider.fixture.ts';
import * as api from './azure-api.double.ts';

const { egress, running, provider, key, offer, chat, embed, refusalOf, settled } = await providerUnderTest('AzureOpenAI', {
  models: [model('gpt')],
});

describe('Azure hears', () => {
  test('the key in the header that it reads, and by its v1 API the deployment as the model', async () => {
    await (await chat()).text();
    expect(provider.asked[0]).toMatchObject({
      url: '/v1/chat/completions',
      headers: { 'api-key': key },
      body: { model: 'gpt', max_completion_tokens: 1000 },
    });
    expect(provider.asked[0]?.headers).not.toHaveProperty('authorization');
  });

  test('by its older API the deployment and the version in the address, for chat and for embeddings', async () => {
    offer({ baseURL: provider.baseURL.replace(/v1$/, 'openai'), apiVersion: '2024-10-21' });
    await (await chat()).text();
    await (await embed()).text();
    expect(provider.asked.map(({ url }) => url)).toEqual([
      '/openai/deployments/gpt/chat/completions?api-version=2024-10-21',
      '/openai/deployments/vectors/embeddings?api-version=2024-10-21',
    ]);
  });
});

describe('a stream of Azure', () => {
  test('comes with what its filter says, and its usage is settled', async () => {
    const pieces = [api.promptChunk, api.filteredPiece('Hello'), stopChunk];
    provider.answer = streamed(...pieces, usageChunk(100, 50), endMark);
    expect(await (await chat({ stream: true })).text()).toBe(pieces.join('') + endMark);
    await settled({ settled: 200, reserved: 0, tokens: 150 });
  });

  test('that its filter has stopped ends with the reason', async () => {
    provider.answer = streamed(api.promptChunk, api.filteredPiece('Hel'), api.filteredEnd, usageChunk(10, 1), endMark);
    expect(await (await chat({ stream: true })).text()).toContain('"finish_reason":"content_filter"');
    await settled({ settled: 12, reserved: 0 });
  });
});

test('what cannot be written for Azure is not billed as a prompt that it has rejected', async () => {
  const deep = `${'{"0":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
  const body = `{"model":"${running.tenant}/gpt","messages":[{"role":"user","content":${deep}}]}`;
  const answer = await refusalOf(await fetch(`${egress.url}/v1/chat/completions`, { ...ask(running.token, {}), body }));
  expect(answer).toMatchObject({ status: 400, code: 'provider_rejected', message: /nested too deeply/ });
  provider.answer = completion('Hello', 100, 50);
  await (await chat()).text();
  await settled({ settled: 200, reserved: 0 }); // of the second call
});

describe('what Azure refuses', () => {
  test('because of the prompt is told in its words, and billed as what it has read', async () => {
    provider.answer = api.promptRefused;
    const answer = await refusalOf(await chat());
    expect(answer).toMatchObject({ status: 400, code: 'provider_rejected', param: 'prompt', message: /content management policy/ });
    await vi.waitFor(async () => expect((await egress.standing(running.tenant)).tokens).toBeGreaterThan(512), 3_000);
  });

  test('because of the key is the platform’s affair, and its words stay here', async () => {
    const words = 'Access denied due to invalid subscription key or wrong API endpoint.';
    provider.answer = api.refusal(401, { code: '401', message: words });
    const answer = await refusalOf(await chat());
    expect(answer).toMatchObject({ status: 502, code: 'provider_credentials_rejected' });
    expect(answer.message).not.toContain('subscription');
  });

  test('for a moment is tried again after the milliseconds that it asks for', async () => {
    const busy = api.refusal(429, { code: '429', message: 'busy' }, { 'retry-after-ms': '20', 'retry-after': '60' });
    provider.answer = inTurn(busy, completion('Hello'));
    offer({ retries: 1 });
    expect((await chat()).status).toBe(200);
    expect(provider.asked).toHaveLength(2);
  });

  test('is not asked at all where it would look for more input than it is given', async () => {
    expect(await refusalOf(await chat({ data_sources: [{ type: 'azure_search' }] }))).toMatchObject({
      status: 400,
      code: 'parameter_not_priced',
      param: 'data_sources',
    });
    expect(provider.asked).toEqual([]);
  });
});
