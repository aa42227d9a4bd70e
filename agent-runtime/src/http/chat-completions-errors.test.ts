import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { echo, pausedStream, refuse } from '../model/egress.double.ts';
import { refusalOf, tenant, testAgent, type TestAgent } from '../runtime.fixture.ts';
import { databaseStartMs } from '../store/database.fixture.ts';
import type { Database } from '../store/database.ts';
import { openPGlite } from '../store/pglite.ts';

let database: Database;
let agent: TestAgent;
let openai: OpenAI;
const hello = [{ role: 'user' as const, content: 'Hello you' }];

beforeAll(async () => {
  database = await openPGlite();
  agent = await testAgent({
    database,
    document: {
      agent: 'helper',
      settings: { temperature: { min: 0, max: 1 } },
      limits: { requestTimeoutSeconds: 2, maxMessageBytes: 1_000 },
    },
  });
  openai = new OpenAI({ baseURL: `${agent.url}/v1`, apiKey: await agent.token(), maxRetries: 0 });
}, databaseStartMs);
afterAll(async () => {
  await agent.stop();
  await database.close();
});

const ask = (more: Partial<OpenAI.ChatCompletionCreateParamsNonStreaming> = {}): Promise<OpenAI.ChatCompletion> =>
  openai.chat.completions.create({ model: 'helper', messages: hello, ...more });

describe('an error', () => {
  test('of egress reaches the caller as it is, with the time to try again', async () => {
    const headers = { 'retry-after': '60', 'x-ratelimit-remaining-tokens': '0', 'x-internal': 'secret' };
    agent.egress.play(
      refuse({ status: 429, code: 'budget_exceeded', type: 'insufficient_quota', message: 'the daily {budget} is spent', headers }),
    );
    const error = await refusalOf(ask());
    expect(error).toMatchObject({ status: 429, code: 'budget_exceeded', type: 'insufficient_quota' });
    expect(error.message).toContain('the daily {budget} is spent');
    expect(error.headers?.get('retry-after')).toBe('60');
    expect(error.headers?.get('x-ratelimit-remaining-tokens')).toBe('0');
    expect(error.headers?.get('x-internal')).toBeNull();
  });

  test('about the token of the pod is none of the caller', async () => {
    agent.egress.play(refuse({ status: 401, code: 'token_invalid', message: 'kid unknown' }));
    const error = await refusalOf(ask());
    expect(error).toMatchObject({ status: 502, code: 'model_access_refused' });
    expect(error.message).not.toContain('kid');
  });

  test('page of some proxy becomes an error in the shape that clients parse', async () => {
    agent.egress.play((_body, response) => void response.writeHead(500, { 'content-type': 'text/html' }).end('<html>'));
    expect(await refusalOf(ask())).toMatchObject({ status: 502, code: 'model_failed' });
  });

  test('is what a model gets that takes too long', async () => {
    agent.egress.play(() => undefined);
    expect(await refusalOf(ask())).toMatchObject({ status: 504, code: 'request_timed_out' });
    await agent.egress.last().closed;
  });

  test.each([
    ['a stream that breaks off', (gate: Promise<unknown>) => pausedStream(gate, 'broken'), 'model_interrupted'],
    ['a stream that takes too long', () => pausedStream(new Promise(() => undefined)), 'request_timed_out'],
  ])('event ends %s', async (_what, script, code) => {
    const { promise: gate, resolve: goOn } = Promise.withResolvers<undefined>();
    agent.egress.play(script(gate));
    const stream = await openai.chat.completions.create({ model: 'helper', messages: hello, stream: true });
    let seen = '';
    const reading = async (): Promise<void> => {
      for await (const chunk of stream) {
        seen += chunk.choices[0]?.delta.content ?? '';
        if (seen === 'Echo: ') goOn(undefined);
      }
    };
    expect(await refusalOf(reading())).toMatchObject({ code });
    expect(seen).toBe('Echo: ');
  });

  test('takes the place of a whole answer that breaks off', async () => {
    agent.egress.play((_body, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('{"id":', () => response.destroy());
    });
    expect(await refusalOf(ask())).toMatchObject({ status: 502, code: 'model_interrupted' });
  });

  test.each([
    ['no messages', { messages: [] }, 400, 'invalid_request', 'messages'],
    ['a message without a role', { messages: [{ content: 'x' }] }, 400, 'invalid_request', 'messages.0.role'],
    ['a temperature out of bounds', { messages: hello, temperature: 1.5 }, 400, 'invalid_request', 'temperature'],
    [
      'a message that is too long',
      {
        messages: [
          { role: 'system', content: 'x' },
          { role: 'user', content: 'é'.repeat(501) },
        ],
      },
      413,
      'message_too_large',
      'messages.1.content',
    ],
    ['a body that is no object', [], 400, 'invalid_request', null],
  ])('answers %s', async (_what, body, status, code, param) => {
    const answer = await agent.call('POST', '/v1/chat/completions', { body });
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ error: { code, param } });
  });

  test.each(['user', 'tool'])('answers a message of a %s that is nested too deeply to be written again', async (role) => {
    const deep = `${'{"0":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
    const answer = await fetch(`${agent.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await agent.token()}`, 'content-type': 'application/json' },
      body: `{"messages":[{"role":"${role}","content":${deep}}]}`,
    });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toMatch(/nested too deeply.*"invalid_request"/);
  });

  test('answers a body that is larger than the agent reads', async () => {
    const answer = await agent.call('POST', '/v1/chat/completions', { body: { messages: hello, x: 'y'.repeat(1_100_000) } });
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ error: { code: 'request_too_large' } });
  });
});

describe('the longest message is that of a user:', () => {
  const long = 'x'.repeat(1_001);

  test('an answer that is longer ends no conversation', async () => {
    agent.egress.play(echo);
    const say = async (body: object) => {
      const answer = await agent.call('POST', `/api/v1/tenants/${tenant}/chat`, { body });
      expect(answer.status).toBe(200);
      return z.object({ conversationId: z.string(), message: z.object({ content: z.string() }) }).parse(await answer.json());
    };
    const { conversationId, message } = await say({ message: 'x'.repeat(1_000) });
    expect(message.content.length).toBeGreaterThan(1_000);
    await say({ message: 'and now?', conversationId });
  });

  test.each(['assistant', 'system', 'developer', 'tool'])('one of the role %s may be longer', async (role) => {
    agent.egress.play(echo);
    const body = { messages: [{ role, content: long, tool_call_id: 'c1' }, ...hello] };
    expect((await agent.call('POST', '/v1/chat/completions', { body })).status).toBe(200);
  });
});
