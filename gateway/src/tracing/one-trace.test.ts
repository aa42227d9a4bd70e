/** One request as a collector sees it: edge, an agent that passes the trace on, egress, each attempt at a provider. */
import { parseApiKey } from '@cloister/identity';
import { createLogger, createRegistry } from '@cloister/telemetry';
import type { ProviderDocument } from '@cloister/tenancy';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { agentDouble, type AgentDouble } from '../edge/agent.double.ts';
import { agentsAt, edgeUnderTest, type EdgeUnderTest } from '../edge/edge.fixture.ts';
import { ask, egressUnderTest, model, type EgressUnderTest } from '../egress/egress.fixture.ts';
import {
  beginStream,
  completion,
  failure,
  inTurn,
  piece,
  providerDouble,
  type ProviderDouble,
} from '../egress/providers/provider.double.ts';
import { collectorDouble, type CollectorDouble } from './collector.double.ts';
import type { CollectedSpan } from './otlp-json.fixture.ts';
import { startTracing } from './tracing.ts';

const tracingOf = (service: string, parentDecides: boolean) =>
  startTracing({
    ...{ service, parentDecides, endpoint: collector.endpoint, headersFile: undefined, ratio: 1 },
    ...{ registry: createRegistry(), log: createLogger({ name: service, level: 'silent' }) },
  });

let collector: CollectorDouble;
let edge: EdgeUnderTest;
let egress: EgressUnderTest;
let agent: AgentDouble;
let [first, spare]: ProviderDouble[] = [];
let key: string;
let tenant = 0;
beforeAll(async () => {
  collector = await collectorDouble();
  edge = await edgeUnderTest({ tracing: await tracingOf('cloister-edge', false) });
  egress = await egressUnderTest({ tracing: await tracingOf('cloister-egress', true) });
  agent = await agentDouble((response, { headers, body }) => {
    const passedOn: Record<string, string> = {};
    for (const header of ['traceparent', 'tracestate']) if (typeof headers[header] === 'string') passedOn[header] = headers[header];
    const call = async () => {
      const asked = ask(await egress.tokenOf(name()), { model: `${name()}/m1`, ...z.looseObject({}).parse(JSON.parse(body)) }, passedOn);
      const answer = await fetch(`${egress.url}/v1/chat/completions`, asked);
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
    };
    call().catch(() => response.destroy());
  });
}, 60_000);
afterAll(async () => {
  await Promise.all([edge, egress, agent].map((part) => part[Symbol.asyncDispose]()));
  await collector[Symbol.asyncDispose]();
});
/** The first call waits for a Postgres that reads its functions for the first time. */
const slow = { timeout: 30_000 };
const name = () => `acme${tenant}`;
beforeEach(async () => {
  tenant++;
  [first, spare] = await Promise.all([providerDouble(), providerDouble()]);
  key = edge.addTenant(name(), agentsAt(agent.url, 'support'));
  await egress.addTenant(name(), { models: [`${name()}/m1`, `${name()}-spare/m2`], budget: { timeZone: 'UTC', daily: { usd: 1 } } });
});

function providers(changes: Partial<ProviderDocument>) {
  egress.credentials.put('key', { key: 'sk-hidden' });
  const credentials = { secretName: 'key', key: 'key' };
  egress.addProvider(name(), {
    baseURL: first?.baseURL,
    credentials,
    models: [model('m1', { fallbacks: [`${name()}-spare/m2`] })],
    ...changes,
  });
  egress.addProvider(`${name()}-spare`, { baseURL: spare?.baseURL, models: [model('m2')] });
}
const chat = (headers: Record<string, string> = {}, body: object = {}, signal?: AbortSignal) =>
  fetch(`${edge.url}/v1/chat/completions?secret=hidden-query`, { ...ask(key, body, headers), ...(signal && { signal }) });
/** As soon as the collector has so many of the tenant's requests and what belongs to them. */
const collected = (count: number): Promise<CollectedSpan[]> =>
  vi.waitFor(() => {
    const own = new Set(collector.spans.filter(({ attributes }) => attributes['cloister.tenant'] === name()).map(({ traceId }) => traceId));
    const spans = collector.spans.filter(({ traceId }) => own.has(traceId));
    expect(spans).toHaveLength(count);
    return spans;
  }, 5_000);
const attempts = (spans: readonly CollectedSpan[]) =>
  spans
    .filter((span) => span.service === 'cloister-egress' && span.kind === 'client')
    .sort((one, other) => Number(one.attributes['cloister.attempt']) - Number(other.attributes['cloister.attempt']));

test('a failed attempt, its retry and a fallback are one trace, each with its parent, outcome, status and tokens', slow, async () => {
  providers({ type: 'OpenAI', retries: 1 });
  if (first) first.answer = inTurn(failure(503, ''), failure(529, ''));
  if (spare) spare.answer = completion('from spare', 20, 7);
  expect(await (await chat()).text()).toContain('from spare');
  const spans = await collected(6);
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  const [server, call] = [of(spans, 'cloister-edge', 'server'), of(spans, 'cloister-edge', 'client')];
  const behind = of(spans, 'cloister-egress', 'server');
  expect([server?.parentSpanId, call?.parentSpanId, behind?.parentSpanId]).toEqual([undefined, server?.spanId, call?.spanId]);
  const answered = { 'http.route': '/v1/chat/completions', 'http.response.status_code': 200, 'cloister.tenant': name() };
  expect(server).toMatchObject({ name: 'POST /v1/chat/completions', status: 'unset', attributes: answered });
  expect(call).toMatchObject({ name: 'POST', attributes: { 'server.address': '127.0.0.1', 'cloister.agent': 'support' } });
  expect(behind).toMatchObject({ name: 'POST /v1/chat/completions', attributes: { ...answered, 'cloister.attempts': 3 } });
  const tried = attempts(spans);
  expect(tried.map(({ parentSpanId }) => parentSpanId)).toEqual(tried.map(() => behind?.spanId));
  const failed = { 'error.type': 'provider_failed', 'cloister.outcome': 'provider_failed', 'gen_ai.usage.output_tokens': 0 };
  const one = {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'm1',
    'cloister.provider': name(),
  };
  expect(tried).toMatchObject([
    {
      name: 'chat m1',
      status: 'error',
      attributes: { ...one, ...failed, 'cloister.attempt.kind': 'first', 'http.response.status_code': 503 },
    },
    {
      name: 'chat m1',
      status: 'error',
      attributes: {
        ...one,
        ...failed,
        'cloister.attempt.kind': 'retry',
        'cloister.attempt.after': 'provider_failed',
        'http.response.status_code': 529,
      },
    },
    {
      name: 'chat m2',
      status: 'unset',
      attributes: {
        'cloister.attempt.kind': 'fallback',
        'cloister.attempt.after': 'provider_failed',
        'cloister.outcome': 'answered',
        'http.response.status_code': 200,
        'gen_ai.usage.input_tokens': 20,
        'gen_ai.usage.output_tokens': 7,
      },
    },
  ]);
});
const of = (spans: readonly CollectedSpan[], service: string, kind: string) =>
  spans.find((span) => span.service === service && span.kind === kind);

test('an attempt that the budget refused is there, and says that it never went out', async () => {
  providers({});
  await egress.addTenant(name(), { models: [`${name()}/m1`], budget: { timeZone: 'UTC', daily: { usd: 0.000001 } } });
  expect((await chat()).status).toBe(429);
  const [attempt] = attempts(await collected(4));
  expect(attempt).toMatchObject({ status: 'error', attributes: { 'cloister.outcome': 'budget_exceeded', 'cloister.sent': false } });
});

test('so is one that found no connection', async () => {
  providers({ baseURL: 'http://127.0.0.1:1/v1', models: [model('m1')] });
  expect((await chat()).status).toBe(502);
  const [attempt] = attempts(await collected(4));
  expect(attempt).toMatchObject({ status: 'error', attributes: { 'cloister.outcome': 'provider_unreachable', 'cloister.sent': false } });
});

test('an attempt whose caller leaves in the middle says so', async () => {
  providers({});
  if (first) first.answer = (response) => void beginStream(response).write(piece('one'));
  const leave = new AbortController();
  const answer = fetch(`${egress.url}/v1/chat/completions`, {
    ...ask(await egress.tokenOf(name()), { model: `${name()}/m1`, stream: true }),
    signal: leave.signal,
  });
  await (await answer).body?.getReader().read();
  leave.abort();
  const [attempt] = attempts(await collected(2));
  expect(attempt).toMatchObject({ status: 'error', attributes: { 'cloister.outcome': 'caller_gone', 'gen_ai.request.stream': true } });
});

test('a caller’s trace goes on, with what vendors say in tracestate', async () => {
  providers({});
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  await chat({ traceparent: `00-${traceId}-b7ad6b7169203331-01`, tracestate: 'vendor=value' });
  const spans = await collected(4);
  expect(spans.map((span) => [span.traceId, span.traceState])).toEqual(spans.map(() => [traceId, 'vendor=value']));
  expect(of(spans, 'cloister-edge', 'server')?.parentSpanId).toBe('b7ad6b7169203331');
  expect(agent.heard.at(-1)?.headers).toMatchObject({ tracestate: 'vendor=value' });
});

describe('a span holds nothing', () => {
  test('of what was said, of credentials, of paths and queries, or of who called', async () => {
    providers({ retries: 1 });
    if (first) first.answer = inTurn(failure(500, '{"error":{"message":"hidden words"}}'), completion('hidden answer'));
    const messages = [{ role: 'user', content: 'hidden question' }];
    const traceparent = '00-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203331-01';
    const own = { 'x-request-id': 'own-words', traceparent, tracestate: 'vendor=own-words', baggage: 'hidden=hidden' };
    await chat({ ...own, cookie: 'hidden-cookie=1' }, { messages, user: 'hidden-user' });
    const spans = await collected(5);
    const sent = collector.texts.join('\n');
    const named = spans.map((span) => ({ ...span, traceState: undefined, attributes: { ...span.attributes, 'cloister.request_id': '' } }));
    expect(JSON.stringify(spans)).toContain('own-words');
    expect(JSON.stringify(named), 'but in these two').not.toContain('own-words');
    expect(sent).not.toMatch(/hidden/);
    expect(sent).not.toContain(key);
    expect(sent).not.toContain(parseApiKey(key)?.id);
  });

  test('of a model that the tenant may not use, where a caller may have written anything', async () => {
    providers({});
    expect((await chat({}, { model: 'hidden/words' })).status).toBe(403);
    await collected(3);
    expect(collector.texts.join('\n')).not.toContain('hidden/words');
  });
});
