/** Through egress as a whole, with a double of an OpenAI-compatible provider behind it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { callRecord } from '../audit/record.ts';
import { ask, egressUnderTest, model, type EgressUnderTest } from '../egress.fixture.ts';
import { failure, inTurn, providerDouble, type Answer, type ProviderDouble } from '../providers/provider.double.ts';

const key = 'sk-of-the-platform';
let egress: EgressUnderTest;
let provider: ProviderDouble;
let token: string;
let tenants = 0;
let tenant: string;
beforeAll(async () => {
  egress = await egressUnderTest({ openAI: { idleTimeout: 300, connectTimeout: 300 } });
}, 60_000);
afterAll(() => egress[Symbol.asyncDispose]());
beforeEach(async () => {
  provider = await providerDouble(vectors({ prompt_tokens: 8, total_tokens: 8 }));
  egress.credentials.put('openai-key', { key });
  const small = { name: 'small', contextWindow: 100, price: { inputPerMillion: 1_000_000 } };
  const credentials = { secretName: 'openai-key', key: 'key' };
  egress.addProvider('openai', { type: 'OpenAI', baseURL: provider.baseURL, credentials, embeddingModels: [small], retries: 1 });
  tenant = `acme${++tenants}`;
  token = await egress.addTenant(tenant, { models: ['openai/small', 'openai/m1', 'offline/vectors'] });
  return () => provider[Symbol.asyncDispose]();
});

const vectors =
  (usage?: object): Answer =>
  (response) => {
    const data = [{ object: 'embedding', index: 0, embedding: [0.25, -1] }];
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ object: 'list', data, model: 'real-name', usage }, undefined, 2));
  };

const dollar = 1_000_000;
const embed = (body: object = {}, signal: AbortSignal | null = null) => {
  const given = JSON.stringify({ model: 'openai/small', input: 'Hello', ...body });
  return fetch(`${egress.url}/v1/embeddings`, { ...ask(token, {}), body: given, signal });
};
const errorBody = z.object({ error: z.object({ code: z.string(), message: z.string(), param: z.string().nullable() }) });
const refusalOf = async (answer: Response) => ({ status: answer.status, ...errorBody.parse(await answer.json()).error });
const settled = (expected: object) => vi.waitFor(async () => expect(await egress.standing(tenant)).toMatchObject(expected), 3000);

describe('a request for embeddings', () => {
  test('reaches the provider with its own name of the model, the platform’s key, and all else as the agent sent it', async () => {
    await embed({ input: ['a', 'b'], dimensions: 2, encoding_format: 'base64', user: 'u' });
    expect(provider.asked[0]).toMatchObject({ url: '/v1/embeddings', headers: { authorization: `Bearer ${key}` } });
    expect(provider.asked[0]?.body).toEqual({ model: 'small', input: ['a', 'b'], dimensions: 2, encoding_format: 'base64', user: 'u' });
    expect(JSON.stringify(provider.asked[0]?.headers)).not.toContain(token);
  });

  test('is answered byte for byte, and what the provider reports is settled', async () => {
    const answer = await embed();
    expect(answer.status).toBe(200);
    expect(await answer.text()).toMatch(/^\{\n {2}"object": "list".*-1\n.*"total_tokens": 8\n {2}\}\n\}$/s);
    await settled({ settled: 8 * dollar, reserved: 0, tokens: 8 });
    const usage = 'select model, agent, requests::int, input_tokens::int, output_tokens::int from cloister_egress.usage where tenant = $1';
    expect(await egress.sql.query(usage, [tenant])).toEqual([
      { model: 'openai/small', agent: 'support', requests: 1, input_tokens: 8, output_tokens: 0 },
    ]);
  });

  test('that is no such thing is refused, and the field named', async () => {
    for (const input of ['', [], [''], [1.5], [['a']], { text: 'a' }, ['a', 1], undefined])
      expect(await refusalOf(await embed({ input }))).toMatchObject({ status: 400, code: 'invalid_request', param: 'input' });
    expect(await refusalOf(await embed({ messages: [] }))).toMatchObject({ param: 'messages', message: /could add to what is billed/ });
    expect(provider.asked).toEqual([]);
  });

  test('may name no model that is there for chat only, and none that the tenant may not use', async () => {
    expect(await refusalOf(await embed({ model: 'openai/m1' }))).toMatchObject({ status: 400, code: 'model_not_suitable' });
    expect(await refusalOf(await embed({ model: 'openai/large' }))).toMatchObject({ status: 403, code: 'model_not_allowed' });
    const chat = await fetch(`${egress.url}/v1/chat/completions`, ask(token, { model: 'openai/small' }));
    expect(await refusalOf(chat)).toMatchObject({ code: 'model_not_suitable', message: /for embeddings only/ });
  });

  test('is on record like any other call of a model', async () => {
    await embed();
    const text = 'select record from cloister_egress.audit_record where tenant_uid = $1';
    await vi.waitFor(async () => {
      const [row] = z.array(z.object({ record: z.string() })).parse(await egress.sql.query(text, [`uid-${tenant}`]));
      const expected = { route: '/v1/embeddings', model: 'openai/small', outcome: 'answered', inputTokens: 8 };
      expect(callRecord.parse(JSON.parse(row?.record ?? '{}'))).toMatchObject(expected);
    }, 3000);
  });
});

describe('the budget of embeddings', () => {
  test('holds the longest that texts can be, and refuses what does not fit into it', async () => {
    token = await egress.addTenant(tenant, { models: ['openai/small'], budget: { timeZone: 'UTC', daily: { usd: 25 } } });
    expect(await refusalOf(await embed({ input: 'ten bytes.' }))).toMatchObject({ status: 429, code: 'budget_exceeded' });
    expect((await embed({ input: 'nine b...' })).status).toBe(200);
  });

  test('holds when fifty calls come at once', async () => {
    token = await egress.addTenant(tenant, { models: ['openai/small'], budget: { timeZone: 'UTC', daily: { usd: 100 } } });
    const answers = await Promise.all(Array.from({ length: 50 }, () => embed()));
    const admitted = answers.filter(({ status }) => status === 200).length;
    await settled({ settled: admitted * 8 * dollar, reserved: 0 });
    expect(admitted * 8).toBeLessThanOrEqual(100);
    expect(admitted).toBeGreaterThanOrEqual(4);
  });

  test('holds for tokens and for the agent as well', async () => {
    const agents = [{ name: 'support', url: 'https://127.0.0.1:1', budget: { daily: { tokens: 20 } } }];
    token = await egress.addTenant(tenant, { models: ['openai/small'], agents });
    expect(await refusalOf(await embed())).toMatchObject({ status: 429, code: 'budget_exceeded' });
    expect((await embed({ input: 'four' })).status).toBe(200);
  });

  test('is charged all that was reserved where the agent left before the answer', async () => {
    provider.answer = () => undefined;
    const leave = new AbortController();
    const answer = embed({}, leave.signal);
    await vi.waitFor(() => expect(provider.asked).toHaveLength(1));
    leave.abort();
    await expect(answer).rejects.toThrow();
    await settled({ settled: 21 * dollar, reserved: 0 });
  });

  test('is charged all that was reserved where the provider says nothing, or nothing that can be', async () => {
    provider.answer = inTurn(vectors(), vectors({ prompt_tokens: 0, total_tokens: 0 }));
    await (await embed({ input: [[1, 2, 3]] })).text();
    await settled({ settled: 19 * dollar, reserved: 0 });
    await (await embed({ input: 'x'.repeat(500) })).text();
    await settled({ settled: 119 * dollar, reserved: 0 });
  });

  test('is charged for a failed attempt nothing, and for one that answered something else what it may have cost', async () => {
    provider.answer = inTurn(failure(503, 'busy'), vectors({ prompt_tokens: 3, total_tokens: 3 }));
    expect((await embed()).status).toBe(200);
    await settled({ settled: 3 * dollar, reserved: 0 });
    provider.answer = failure(200, '<html>');
    expect(await refusalOf(await embed())).toMatchObject({ status: 502, code: 'provider_failed' });
    await settled({ settled: (3 + 2 * 21) * dollar, reserved: 0 });
  });
});

describe('the offline model', () => {
  beforeEach(() => {
    const embeddingModels = [{ name: 'vectors', contextWindow: 1000, price: { inputPerMillion: 1 } }];
    egress.addProvider('offline', { type: 'Offline', models: [model('echo')], embeddingModels });
  });
  const answer = z.object({ data: z.array(z.object({ embedding: z.array(z.number()) })), usage: z.object({ prompt_tokens: z.number() }) });
  const near = (one: readonly number[] = [], other: readonly number[] = []) =>
    one.reduce((sum, value, index) => sum + value * (other[index] ?? 0), 0);

  test('puts texts near each other that share words', async () => {
    const input = ['the black cat', 'a black cat sleeps', 'invoices of March'];
    const { data, usage } = answer.parse(await (await embed({ model: 'offline/vectors', input })).json());
    const [cat, sleeps, invoices] = data.map(({ embedding }) => embedding);
    expect(near(cat, cat)).toBeCloseTo(1);
    expect(near(cat, sleeps)).toBeGreaterThan(near(cat, invoices));
    expect(usage.prompt_tokens).toBe(10);
  });

  test('has 256 dimensions at most', async () => {
    const answer = await refusalOf(await embed({ model: 'offline/vectors', dimensions: 257 }));
    expect(answer).toMatchObject({ status: 400, code: 'provider_rejected', param: 'dimensions', message: /from 1 to 256/ });
  });

  test('says the same in base64, in as many dimensions as asked for', async () => {
    const of = async (body: object) => await (await embed({ model: 'offline/vectors', input: 'cat', dimensions: 8, ...body })).json();
    const floats = answer.parse(await of({})).data[0]?.embedding;
    const packed = z.object({ data: z.array(z.object({ embedding: z.base64() })) }).parse(await of({ encoding_format: 'base64' }));
    const bytes = Buffer.from(packed.data[0]?.embedding ?? '', 'base64');
    expect(Array.from({ length: 8 }, (_, index) => bytes.readFloatLE(index * 4))).toEqual(floats);
  });
});
