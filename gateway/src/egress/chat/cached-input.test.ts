/** What a call costs whose provider had a part of its input in a cache, or wrote one there, and charges for that by another price. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { model } from '../egress.fixture.ts';
import { beginStream, chunk, endMark, piece, stopChunk, streamed, type Answer } from '../providers/provider.double.ts';
import { providerUnderTest } from '../providers/provider.fixture.ts';

const price = { inputPerMillion: 5, cachedInputPerMillion: 0.5, cacheWritePerMillion: 6.25, outputPerMillion: 30 };
type Without = Readonly<Partial<Record<'cachedInputPerMillion' | 'cacheWritePerMillion', undefined>>>;
const priced = (changes: Without = {}, contextWindow = 100_000) => [model('m1', { price: { ...price, ...changes }, contextWindow })];
const { egress, provider, running, offer, become, chat, refusalOf, settled } = await providerUnderTest('OpenAI', { models: priced() });
beforeEach(() => become({ budget: { timeZone: 'UTC', daily: { usd: 1 } } }));

/** As OpenAI says it. */
const usageOf = (input: object, beside: object = {}) => ({
  ...{ prompt_tokens: 2006, completion_tokens: 300, total_tokens: 2306 },
  prompt_tokens_details: { audio_tokens: 0, ...input },
  completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
  ...beside,
});
const head = { id: 'c1', object: 'chat.completion', created: 1, model: 'x' };
const choices = [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }];
const whole =
  (usage: object): Answer =>
  (response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ...head, choices, usage }));
const output = 300 * 30;

/** Two calls, whole and as a stream. */
async function callTwice(usage: object): Promise<void> {
  provider.answer = whole(usage);
  await (await chat()).text();
  provider.answer = streamed(piece('Hi'), stopChunk, chunk({ choices: [], usage }), endMark);
  await (await chat({ stream: true })).text();
}
const booked = z.tuple([z.object({ requests: z.int(), input: z.int(), output: z.int(), cost: z.int() })]);
const bookedAfter = (calls: number) =>
  vi.waitFor(async () => {
    const text = `select requests::int, input_tokens::int as input, output_tokens::int as output, micro_usd::int as cost
      from cloister_egress.usage where tenant = $1`;
    const [line] = booked.parse(await egress.sql.query(text, [running.tenant]));
    expect(line.requests).toBe(calls);
    return line;
  }, 3_000);

describe('a call, whole or as a stream, costs', () => {
  const parts = 26 * 5 + 960 + 375 + output;
  test.each([
    ['what each part costs, as OpenAI tells them', usageOf({ cached_tokens: 1920, cache_write_tokens: 60 }), parts],
    ['the same, as Alibaba tells them', usageOf({ cached_tokens: 1920, cache_creation_input_tokens: 60 }), parts],
    ['the same, as LiteLLM tells them', usageOf({ cached_tokens: 1920 }, { cache_creation_input_tokens: 60 }), parts],
    ['the price of input for what is told of no cache', usageOf({}), 2006 * 5 + output],
    ['the price of input where nothing is told apart', usageOf({}, { prompt_tokens_details: null }), 2006 * 5 + output],
    ['no more parts than there are, and not less than nothing', usageOf({ cached_tokens: 9000 }), 1003 + output],
    ['what was written before what was read, of too many', usageOf({ cached_tokens: 9000, cache_write_tokens: 2000 }), 12_500 + 3 + output],
    ['the price of input for parts below nothing', usageOf({ cached_tokens: -5, cache_write_tokens: -5 }), 2006 * 5 + output],
    ['the price of input for halves of tokens', usageOf({ cached_tokens: 0.5, cache_write_tokens: 1.5 }), 2006 * 5 + output],
    ['the price of input for parts that are no numbers', usageOf({ cached_tokens: '7', cache_write_tokens: {} }), 2006 * 5 + output],
  ])('%s', async (_, usage, cost) => {
    await callTwice(usage);
    await settled({ settled: 2 * cost, reserved: 0 });
    expect(await bookedAfter(2)).toMatchObject({ input: 2 * 2006, output: 600, cost: 2 * cost });
  });

  test('the price of input for a part that has none of its own', async () => {
    const usage = usageOf({ cached_tokens: 1920, cache_write_tokens: 60 });
    offer({ models: priced({ cacheWritePerMillion: undefined }) });
    await callTwice(usage);
    offer({ models: priced({ cachedInputPerMillion: undefined }) });
    await callTwice(usage);
    const [written, cached] = [86 * 5 + 960 + output, 1946 * 5 + 375 + output];
    await settled({ settled: 2 * written + 2 * cached, reserved: 0 });
  });
});

test('the parts are on record of each call, and counted', async () => {
  await callTwice(usageOf({ cached_tokens: 1920, cache_write_tokens: 60 }));
  await bookedAfter(2);
  const text = `select record::json as record from cloister_egress.audit_record where tenant_uid = $1 and record::json ->> 'kind' = 'model_call'`;
  await vi.waitFor(async () => {
    const rows = await egress.sql.query(text, [`uid-${running.tenant}`]);
    const record = { inputTokens: 2006, cachedTokens: 1920, cacheWriteTokens: 60, outputTokens: 300, microUsd: 10_465 };
    expect(rows).toMatchObject([{ record }, { record }]);
  }, 3_000);
  const parts = (await egress.registry.getSingleMetric('cloister_budget_token_parts_total')?.get())?.values;
  const counted = (type: string) => parts?.find(({ labels }) => labels['tenant'] === running.tenant && labels['type'] === type)?.value;
  expect([counted('cached'), counted('cache_write')]).toEqual([2 * 1920, 2 * 60]);
});

describe('input of which a provider does not come to tell', () => {
  test('is booked at the dearest price that it can have', async () => {
    provider.answer = (response) => void beginStream(response).write(piece('one'), () => response.destroy());
    await (await chat({ stream: true, max_tokens: 50 })).text();
    const { input, output: made, cost } = await bookedAfter(1);
    expect(input).toBeGreaterThan(500);
    expect(cost).toBe(Math.ceil(input * 6.25) + made * 30);
  });

  test('is reserved at that price, so a budget that has less refuses the call', async () => {
    const small = (changes: Without = {}) => offer({ models: priced(changes, 600) });
    await become({ budget: { timeZone: 'UTC', daily: { usd: 0.004 } } }); // of 600 tokens at 6.25 and 10 at 30, 4,050 micro-dollars
    small();
    expect(await refusalOf(await chat({ max_tokens: 10 }))).toMatchObject({ code: 'budget_exceeded' });
    small({ cacheWritePerMillion: undefined });
    expect((await chat({ max_tokens: 10 })).status).toBe(200);
  });
});
