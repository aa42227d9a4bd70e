/** What edge is told of an answer: its cost, and whether it was given again. */
import { cacheHeader, tokensHeader } from '@cloister/tenancy';
import { request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { echo, pausedStream, type Script } from '../model/egress.double.ts';
import { testAgent, type TestAgent } from '../runtime.fixture.ts';
import { databaseStartMs } from '../store/database.fixture.ts';
import type { Database } from '../store/database.ts';
import { openPGlite } from '../store/pglite.ts';

let database: Database;
let agent: TestAgent;
beforeAll(async () => {
  database = await openPGlite();
  agent = await testAgent({ database, document: { instructions: 'Be brief.' } });
}, databaseStartMs);
afterAll(async () => {
  await agent.stop();
  await database.close();
});

const messages = [{ role: 'user', content: 'Hello you' }];
/** Of {@link echo}: the words of the messages as JSON, and of the answer. */
const cost = '6';

async function post(path: string, body: object, script: Script = echo) {
  agent.egress.play(script);
  const headers = { authorization: `Bearer ${await agent.token()}`, 'content-type': 'application/json' };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request(`${agent.url}${path}`, { method: 'POST', headers }, resolve).once('error', reject).end(JSON.stringify(body));
  });
  return {
    body: await text(answer),
    cache: answer.headers[cacheHeader],
    early: answer.headers[tokensHeader],
    late: answer.trailers[tokensHeader],
  };
}

test.each([
  ['a completion before it', '/v1/chat/completions', { messages }, { early: cost, late: undefined }],
  ['a streamed completion behind it', '/v1/chat/completions', { messages, stream: true }, { early: undefined, late: cost }],
  ['a message before it', '/api/v1/tenants/acme/chat', { message: 'Hello you' }, { early: cost, late: undefined }],
  ['a streamed message behind it', '/api/v1/tenants/acme/chat', { message: 'Hello you', stream: true }, { early: undefined, late: cost }],
])('the tokens of %s', async (_, path, body, told) => {
  const answer = await post(path, body);
  expect(answer).toMatchObject(told);
  expect(answer.body).toContain('Echo');
});

test('a caller who did not ask for usage in its stream does not get it; one who did, does', async () => {
  const plain = await post('/v1/chat/completions', { messages, stream: true });
  const asked = await post('/v1/chat/completions', { messages, stream: true, stream_options: { include_usage: true } });
  expect(plain.body).not.toContain('"usage"');
  expect(asked.body).toContain('"usage"');
  expect([plain.late, asked.late]).toEqual([cost, cost]);
});

test('nothing, where a stream broke off and nobody knows', async () => {
  const { body, late } = await post('/v1/chat/completions', { messages, stream: true }, pausedStream(Promise.resolve(), 'broken'));
  expect(body).toContain('model_interrupted');
  expect(late).toBeUndefined();
});

test.each([false, true])('that egress gave an answer again, where it did; stream: %s', async (stream) => {
  const hit: Script = (body, response) => {
    response.setHeader(cacheHeader, 'hit');
    return echo(body, response);
  };
  expect((await post('/v1/chat/completions', { messages, stream }, hit)).cache).toBe('hit');
  expect((await post('/v1/chat/completions', { messages, stream })).cache).toBeUndefined();
});
