/**
 * Providers that do anything but answer as they should, heard by OpenAI's client through the Ingress, as a whole answer and as a stream. Whatever it is: the
 * client reads an error, or an answer that ends as it has to; the call is settled; and the next one is answered.
 */
import { APIError } from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  beginStream,
  completion,
  endMark,
  failure,
  piece,
  providerDouble,
  stopChunk,
  streamed,
  usageChunk,
  type Answer,
  type ProviderDouble,
} from '../../gateway/src/egress/providers/provider.double.ts';
import { call, openai } from './support/http.ts';
import { agentName, createTenant, deleteTenant, type LiveTenant } from './support/tenants.ts';
import { until } from './support/until.ts';
import { openWorld, type World } from './support/world.ts';

const name = 'unruly';
const model = `e2e-${name}/m1`;
/** A call that names no maximum reserves more than half of it, one that is told to be short a few hundred tokens. */
const contextWindow = 100_000;
const short = { max_tokens: 10 };
const good = { answer: completion('well', 10, 5), input: 10, output: 5 };

let world: World;
let tenant: LiveTenant;
let provider: ProviderDouble;

beforeAll(async () => {
  world = await openWorld();
  provider = await providerDouble(good.answer, world.cluster.hostIP);
  const offered = { name: 'm1', contextWindow, maxOutputTokens: 60_000, price: { inputPerMillion: 1, outputPerMillion: 1 } };
  const times = { timeoutSeconds: 2, firstTokenSeconds: 1, idleSeconds: 1 };
  await world.kubectl.apply({
    apiVersion: 'cloister.dev/v1alpha1',
    kind: 'ModelProvider',
    metadata: { name: `e2e-${name}` },
    spec: { type: 'OpenAICompatible', baseURL: provider.baseURL, retries: 0, ...times, tenants: { names: [name] }, models: [offered] },
  });
  const access = { apiKeys: [{ name: 'default', scopes: ['chat', 'usage'] }] };
  const spec = { access, models: { allow: [model] }, budget: { daily: { usd: 100 } } };
  tenant = await createTenant(world, { name, spec, agent: { model } });
});
afterAll(async () => {
  await deleteTenant(world, name);
  await world.kubectl.run(['delete', 'modelprovider', `e2e-${name}`, '--ignore-not-found']);
  await provider[Symbol.asyncDispose]();
});

interface Heard {
  readonly words: string;
  /** Undefined of an error that comes in the middle of a stream. */
  readonly status?: number | undefined;
  readonly code?: string;
  readonly retryAfter?: string;
}

const text = z.string().min(1);
const wellFormed = z.object({
  status: z.int().optional(),
  code: text,
  type: text,
  message: text.regex(/^((?!insides|<html>)[^])*$/),
  headers: z.instanceof(Headers).optional(),
});
function told(error: unknown): Omit<Heard, 'words'> {
  if (!(error instanceof APIError)) throw error;
  const { status, code, headers } = wellFormed.parse(error);
  const retryAfter = headers?.get('retry-after');
  return { status, code, ...(retryAfter && { retryAfter }) };
}

async function hear(stream: boolean, more: object = {}): Promise<Heard> {
  const { completions } = openai(`${tenant.url}/v1`, tenant.key).chat;
  const asked = { model: agentName, messages: [{ role: 'user' as const, content: 'hello' }], ...more };
  let words = '';
  try {
    if (!stream) return { words: (await completions.create(asked)).choices[0]?.message.content ?? '' };
    for await (const { choices } of await completions.create({ ...asked, stream })) words += choices[0]?.delta.content ?? '';
    return { words };
  } catch (error) {
    return { words, ...told(error) };
  }
}

const report = z.object({
  total: z.object({ requests: z.int(), input_tokens: z.int(), output_tokens: z.int(), micro_usd: z.int() }),
  budget: z.object({ daily: z.object({ micro_usd: z.object({ spent: z.int(), debt: z.int(), reserved: z.int() }) }) }),
});
async function usage() {
  const { total, budget } = report.parse(JSON.parse((await call(`${tenant.url}/v1/usage`, { key: tenant.key })).text));
  return { ...total, ...budget.daily.micro_usd };
}

interface Misbehaviour {
  readonly answer: Answer;
  /** Where it is another one. */
  readonly inStream?: Answer;
  readonly heard: Omit<Heard, 'words'>;
  /** Heard before it, in a stream that has begun: its status is then said already. */
  readonly begun?: true;
  /** Whether the provider may bill it, or how much it says that it does, as far as that can be. */
  readonly billed: boolean | { readonly input: number; readonly output: number };
}

const cut =
  (type: string, ...before: readonly string[]): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': type }).flushHeaders();
    for (const text of before) response.write(text);
    setTimeout(() => response.destroy(), 50);
  };
const silentAfter =
  (...before: readonly string[]): Answer =>
  (response) => {
    beginStream(response).flushHeaders();
    for (const text of before) response.write(text);
  };
const [failed, timedOut, unreachable] = [
  { status: 502, code: 'provider_failed' },
  { status: 504, code: 'provider_timeout' },
  { status: 502, code: 'provider_unreachable' },
];
const halfJSON = '{"id":"c1","object":"chat.completion","choices":[{"index":0,"mess';
const eventStream = 'text/event-stream';

const misbehaviours: Readonly<Record<string, Misbehaviour>> = {
  'limits the rate': {
    answer: failure(429, '{"error":{"message":"insides"}}', { 'retry-after': '7' }),
    heard: { status: 429, code: 'provider_rate_limited', retryAfter: '7' },
    billed: false,
  },
  'is overloaded': { answer: failure(503, '{"error":{"message":"insides"}}'), heard: failed, billed: false },
  'fails, though its model may have answered': { answer: failure(500, '{"error":{"message":"insides"}}'), heard: failed, billed: true },
  'has a gateway that waited in vain': { answer: failure(504, '<html>insides'), heard: failed, billed: true },
  'has a gateway that fails, in HTML': {
    answer: failure(502, '<html>insides', { 'content-type': 'text/html' }),
    heard: failed,
    billed: true,
  },
  'answers HTML as if all were well': {
    answer: failure(200, '<html>insides', { 'content-type': 'text/html' }),
    heard: failed,
    billed: true,
  },
  'answers JSON that is no completion': { answer: failure(200, '{"hello":"insides"}'), heard: failed, billed: true },
  'answers half of a JSON as if it were whole': {
    answer: failure(200, halfJSON),
    inStream: streamed(piece('one'), `data: ${halfJSON}\n\n`, piece('two'), stopChunk, endMark),
    begun: true,
    heard: failed,
    billed: true,
  },
  'hangs up instead of answering': { answer: (response) => void response.destroy(), heard: unreachable, billed: true },
  'hangs up between head and body': { answer: cut('application/json'), inStream: cut(eventStream), heard: unreachable, billed: true },
  'hangs up in the middle': {
    answer: cut('application/json', halfJSON),
    inStream: cut(eventStream, piece('one')),
    begun: true,
    heard: unreachable,
    billed: true,
  },
  'says nothing at all': { answer: () => undefined, heard: timedOut, billed: true },
  'begins, and has no first token in time': { answer: silentAfter(), heard: timedOut, billed: true },
  'falls silent in the middle': {
    answer: (response) => void response.writeHead(200).write(halfJSON),
    inStream: silentAfter(piece('one')),
    begun: true,
    heard: timedOut,
    billed: true,
  },
  'bills more than the model can take in and give': {
    answer: completion('one', 1e12, 1e12),
    inStream: streamed(piece('one'), stopChunk, usageChunk(1e12, 1e12), endMark),
    begun: true,
    heard: {},
    billed: { input: contextWindow, output: contextWindow },
  },
};

describe.each([
  ['as a whole', false],
  ['as a stream', true],
])('asked for an answer %s, a provider that', (_, stream) => {
  test.each(Object.entries(misbehaviours))('%s is told of to the client, settled, and asked again', async (_, misbehaviour) => {
    const { answer, inStream = answer, heard, billed } = misbehaviour;
    const before = await usage();
    provider.answer = stream ? inStream : answer;
    const begun = stream && misbehaviour.begun === true;
    const error = begun ? { ...heard, status: undefined } : heard;
    expect(await hear(stream)).toEqual({ words: begun || heard.code === undefined ? 'one' : '', ...error });

    provider.answer = good.answer;
    expect(await hear(false, short)).toEqual({ words: 'well' });
    const requests = before.requests + 2;
    await expect.poll(async () => (await usage()).requests, { timeout: 10_000 }).toBe(requests);
    const after = await usage();
    expect([after.spent, after.debt]).toEqual([after.micro_usd, 0]);
    const input = after.input_tokens - before.input_tokens - good.input;
    const output = after.output_tokens - before.output_tokens - good.output;
    if (typeof billed === 'object') expect({ input, output }).toEqual(billed);
    else expect(input > 0).toBe(billed);
  });
});

test('nothing is reserved any more for calls that have ended: what stays in hand is a few short calls’ worth', async () => {
  await expect.poll(async () => (await usage()).reserved, { timeout: 10_000 }).toBeLessThan(contextWindow / 4);
});

test('a provider that fails five times in a row is left alone for a moment, callers hear so at once, and then it is asked again', async () => {
  provider.answer = failure(503, '');
  for (let turn = 0; turn < 5; turn++) expect(await hear(false)).toMatchObject({ code: 'provider_failed' });
  const asked = provider.asked.length;
  expect(await hear(false)).toEqual({ words: '', status: 503, code: 'provider_unavailable', retryAfter: '1' });
  expect(provider.asked).toHaveLength(asked);
  provider.answer = good.answer;
  await until('it to be asked', async () => (await hear(false)).words === 'well', { within: 5_000 });
});
