/** What is on record of calls to a running egress. */
import { voucherHeader } from '@cloister/tenancy';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { ask, egressUnderTest, model, type EgressUnderTest } from '../egress.fixture.ts';
import {
  chunk,
  completion,
  endMark,
  failure,
  piece,
  providerDouble,
  stopChunk,
  streamed,
  type ProviderDouble,
} from '../providers/provider.double.ts';
import { exportOf } from './command.ts';
import { callRecord, type CallRecord } from './record.ts';

const key = 'sk-of-the-platform';
const prompt = 'my-secret-prompt';
const answer = 'an-answer-nobody-else-may-read';
let egress: EgressUnderTest;
let provider: ProviderDouble;
let token: string;
let tenants = 0;
let tenant: string;
beforeAll(async () => {
  egress = await egressUnderTest();
}, 60_000);
afterAll(() => egress[Symbol.asyncDispose]());
beforeEach(async () => {
  provider = await providerDouble(completion(answer));
  egress.credentials.put('openai-key', { key });
  egress.addProvider('openai', { type: 'OpenAI', baseURL: provider.baseURL, credentials: { secretName: 'openai-key', key: 'key' } });
  tenant = `acme${++tenants}`;
  token = await egress.addTenant(tenant, { models: ['openai/m1'] });
  return () => provider[Symbol.asyncDispose]();
});

const chat = async (body: object = {}, headers: Record<string, string> = {}) => {
  const messages = [{ role: 'user', content: prompt }];
  const call = await fetch(
    `${egress.url}/v1/chat/completions`,
    ask(token, { model: 'openai/m1', messages, ...body }, { 'x-request-id': 'r1', ...headers }),
  );
  await call.text();
};
/** What is on record once so many calls are; and the whole export. */
async function recorded(calls: number): Promise<{ records: CallRecord[]; text: string }> {
  return vi.waitFor(async () => {
    const lines: string[] = [];
    for await (const line of await exportOf(egress.sql, tenant)) lines.push(line);
    const link = z.object({ record: callRecord });
    const records = lines.slice(1, -1).map((line) => link.parse(JSON.parse(line)).record);
    expect(records).toHaveLength(calls);
    return { records, text: lines.join('\n') };
  }, 3_000);
}

test('an answered call is on record with its model, its tokens and what it cost', async () => {
  await chat();
  expect((await recorded(1)).records).toMatchObject([
    {
      ...{ kind: 'model_call', number: 1, agent: 'support', requestId: 'r1', route: '/v1/chat/completions', outcome: 'answered' },
      ...{ model: 'openai/m1', stream: false, inputTokens: 10, outputTokens: 5, microUsd: 20 },
    },
  ]);
});

test('a call is on record with the day of the price list by which it was charged, where its ModelProvider says one', async () => {
  await chat();
  const asOf = { price: { inputPerMillion: 1, outputPerMillion: 2, asOf: '2026-03-31' } };
  egress.addProvider('openai', { type: 'OpenAI', baseURL: provider.baseURL, models: [model('m1', asOf)] });
  await chat();
  const [without, dated] = (await recorded(2)).records;
  expect(without).not.toHaveProperty('priceAsOf');
  expect(dated).toMatchObject({ microUsd: 20, priceAsOf: '2026-03-31' });
});

describe('what a provider tells apart of its use', () => {
  const choices = [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }];
  const saying = (usage: object) => {
    provider.answer = (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ choices, usage }));
  };
  const sums = { inputTokens: 100, outputTokens: 50, microUsd: 200 };
  const said = { prompt_tokens: 100, completion_tokens: 50 };

  test('is on record: input that it had in its cache, and output that it thought; both stay part of the sums', async () => {
    saying({ ...said, prompt_tokens_details: { cached_tokens: 80 }, completion_tokens_details: { reasoning_tokens: 30 } });
    await chat();
    expect((await recorded(1)).records).toMatchObject([{ ...sums, cachedTokens: 80, reasoningTokens: 30 }]);
  });
  test('is on record of a stream as well', async () => {
    const parts = { prompt_tokens_details: { cached_tokens: 80 }, completion_tokens_details: { reasoning_tokens: 0 } };
    provider.answer = streamed(piece('Hi'), stopChunk, chunk({ choices: [], usage: { ...said, ...parts } }), endMark);
    await chat({ stream: true });
    expect((await recorded(1)).records).toMatchObject([{ ...sums, cachedTokens: 80, reasoningTokens: 0 }]);
  });
  test('is on record where thoughts stand in the total alone', async () => {
    saying({ prompt_tokens: 100, completion_tokens: 20, total_tokens: 150 });
    await chat();
    expect((await recorded(1)).records).toMatchObject([{ ...sums, reasoningTokens: 30 }]);
  });
  test('is never more than the whole', async () => {
    saying({ ...said, prompt_tokens_details: { cached_tokens: 8000 }, completion_tokens_details: { reasoning_tokens: 3000 } });
    await chat();
    expect((await recorded(1)).records).toMatchObject([{ ...sums, cachedTokens: 100, reasoningTokens: 50 }]);
  });
  test.each([
    ['nothing', {}],
    ['null', { prompt_tokens_details: null, completion_tokens_details: null }],
    [
      'less than nothing',
      { prompt_tokens_details: { cached_tokens: -1, cache_write_tokens: -1 }, completion_tokens_details: { reasoning_tokens: '30' } },
    ],
    ['something else', { prompt_tokens_details: { audio_tokens: 0 }, completion_tokens_details: [] }],
  ])('is not made up where it is %s, and its sums count all the same', async (_, parts) => {
    saying({ ...said, ...parts });
    await chat();
    const [record] = (await recorded(1)).records;
    expect(record).toMatchObject(sums);
    for (const name of ['cachedTokens', 'cacheWriteTokens', 'reasoningTokens']) expect(record).not.toHaveProperty(name);
  });
});

describe('the tools that an answer calls', () => {
  const tools = ['lookup', 'search', 'unused'].map((name) => ({ type: 'function', function: { name } }));
  const args = '{"of":"what-it-is-called-with"}';
  const callOf = (name: string) => ({ id: 't1', type: 'function', function: { name, arguments: args } });
  const whole = (message: object) => {
    const choices = [{ index: 0, message: { role: 'assistant', content: null, ...message }, finish_reason: 'tool_calls' }];
    provider.answer = (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ choices }));
  };
  const onRecord = async () => {
    const { records, text } = await recorded(1);
    expect(text).not.toContain('what-it-is-called-with');
    return records[0]?.['toolCalls'];
  };

  test('are on record by name, each once, and never what they are called with', async () => {
    whole({ tool_calls: [callOf('search'), callOf('lookup'), callOf('search')] });
    await chat({ tools });
    expect(await onRecord()).toBe('search, lookup');
  });
  test('are on record of a stream as well', async () => {
    const called = (call: object) => chunk({ choices: [{ index: 0, delta: { tool_calls: [call] }, finish_reason: null }] });
    const rest = { index: 0, function: { arguments: args } };
    const first = { index: 0, id: 't1', type: 'function', function: { name: 'lookup', arguments: '' } };
    const custom = { index: 1, id: 't2', type: 'custom', custom: { name: 'search', input: 'what-it-is-called-with' } };
    provider.answer = streamed(called(first), called(rest), called(custom), stopChunk, endMark);
    await chat({ stream: true, tools: [...tools.slice(0, 1), { type: 'custom', custom: { name: 'search' } }] });
    expect(await onRecord()).toBe('lookup, search');
  });
  test('are on record where they are called functions, as they once were', async () => {
    whole({ function_call: { name: 'lookup', arguments: args } });
    await chat({ functions: [{ name: 'lookup' }] });
    expect(await onRecord()).toBe('lookup');
  });
  test('are not named where the request did not offer them, since a model may write anything in the place of a name', async () => {
    whole({ tool_calls: [callOf('lookup'), callOf(answer), callOf(prompt)] });
    await chat({ tools });
    expect(await onRecord()).toBe('lookup, ?');
  });
  test('are not named where the name is no name', async () => {
    const name = `${prompt} as a sentence`;
    whole({ tool_calls: [callOf(name)] });
    await chat({ tools: [{ type: 'function', function: { name } }] });
    expect(await onRecord()).toBe('?');
  });
  test('are not on record where there are none', async () => {
    whole({ content: 'Hi', tool_calls: [] });
    await chat({ tools });
    expect((await recorded(1)).records[0]).not.toHaveProperty('toolCalls');
  });
});

test('a call is on record with the caller on whose behalf it was made, where edge vouches for one', async () => {
  const caller = 'key:0123456789ab';
  await chat({}, { [voucherHeader]: await egress.vouch(tenant, { caller }) });
  await chat({}, { [voucherHeader]: 'mine' });
  const { records } = await recorded(2);
  expect(records).toMatchObject([
    { outcome: 'answered', caller },
    { outcome: 'refused', code: 'voucher_invalid' },
  ]);
  expect(records[1]).not.toHaveProperty('caller');
});

test('refused and failed calls are on record with the code of their error', async () => {
  await chat({ model: 'openai/other' });
  await chat({ messages: 'none' });
  const policy = egress.policies.byNamespace(`tenant-${tenant}`);
  await egress.addTenant(tenant, { ...policy, state: 'Suspended' });
  await chat();
  await egress.addTenant(tenant, { ...policy, state: 'Active' });
  provider.answer = failure(503, 'no');
  await chat();
  expect((await recorded(4)).records.map(({ outcome, code }) => [outcome, code])).toEqual([
    ['refused', 'model_not_allowed'],
    ['refused', 'invalid_request'],
    ['refused', 'tenant_not_active'],
    ['failed', 'provider_failed'],
  ]);
});

test('no prompt, answer, key, token, nor what a caller wrote in the place of a model is on record', async () => {
  await chat();
  await chat({ stream: true });
  await chat({ model: prompt });
  await chat({ messages: [{ role: 'user', content: prompt }], service_tier: 'priority' });
  provider.answer = failure(400, JSON.stringify({ error: { message: `${prompt} ${key}`, code: prompt } }));
  await chat();
  const { text } = await recorded(5);
  for (const secret of [prompt, answer, key, token]) expect(text).not.toContain(secret);
});
