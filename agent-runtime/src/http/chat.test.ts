import { createParser } from 'eventsource-parser';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { echo, pausedStream, refuse, type Script } from '../model/egress.double.ts';
import { tenant, testAgent, type CallOptions, type TestAgent } from '../runtime.fixture.ts';
import { databaseStartMs } from '../store/database.fixture.ts';
import type { Database } from '../store/database.ts';
import { openPGlite } from '../store/pglite.ts';

const path = `/api/v1/tenants/${tenant}/chat`;
const reply = z.object({
  conversationId: z.uuid(),
  message: z.object({
    id: z.uuid(),
    role: z.literal('assistant'),
    content: z.string(),
    createdAt: z.iso.datetime(),
    finishReason: z.string(),
  }),
  usage: z.object({ inputTokens: z.int(), outputTokens: z.int(), totalTokens: z.int() }).nullable(),
});
const history = z.object({
  conversationId: z.string(),
  messages: z.array(z.object({ id: z.uuid(), role: z.string(), content: z.string(), finishReason: z.string().optional() })),
  nextBefore: z.string().nullable(),
});
const conversations = z.object({
  conversations: z.array(z.object({ id: z.uuid(), title: z.string(), createdAt: z.iso.datetime(), updatedAt: z.iso.datetime() })),
  nextBefore: z.string().nullable(),
});

let database: Database;
let agent: TestAgent;
let replica: TestAgent;

beforeAll(async () => {
  database = await openPGlite();
  const document = { agent: 'helper', instructions: 'Base.', memory: { maxMessages: 3 } };
  agent = await testAgent({ database, document });
  replica = await testAgent({ database, document, egress: agent.egress });
}, databaseStartMs);
afterAll(async () => {
  await Promise.all([agent.stop(), replica.stop()]);
  await database.close();
});

const as = (subject: string): CallOptions => ({ caller: { subject } });
let strangers = 0;
/** Somebody who has no conversations yet. */
const somebody = (): CallOptions => as(`key:${strangers++}`);

async function say(message: string, conversationId?: string, options: CallOptions = {}, at = agent): Promise<z.infer<typeof reply>> {
  const answer = await at.call('POST', path, {
    ...options,
    body: { message, ...(conversationId === undefined ? {} : { conversationId }) },
  });
  expect(answer.status).toBe(200);
  return reply.parse(await answer.json());
}

async function messagesOf(conversationId: string, query = '', options: CallOptions = {}): Promise<z.infer<typeof history>> {
  return history.parse(await (await agent.call('GET', `${path}?conversationId=${conversationId}${query}`, options)).json());
}

const play = (script: Script): void => agent.egress.play(script);
const contentsSent = (): unknown[] => agent.egress.last().body.messages.map(({ content }) => content);

describe('a message', () => {
  test('begins a conversation and is answered with the usage', async () => {
    play(echo);
    const { message, usage } = await say('Hello');
    expect(message).toMatchObject({ content: 'Echo: Hello', finishReason: 'stop' });
    expect(usage?.totalTokens).toBe((usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0));
  });

  test('goes on with a conversation: the model hears what was said before, on any replica', async () => {
    const { conversationId } = await say('one');
    expect((await say('two', conversationId, {}, replica)).conversationId).toBe(conversationId);
    expect(contentsSent()).toEqual(['Base.', 'one', 'Echo: one', 'two']);
  });

  test('brings along no more of the past than the AgentConfig says, beginning with a question', async () => {
    const { conversationId } = await say('one');
    await say('two', conversationId);
    await say('three', conversationId);
    expect(contentsSent()).toEqual(['Base.', 'two', 'Echo: two', 'three']);
  });

  test('may hold any character', async () => {
    const odd = 'NUL \0, emoji 👩‍👩‍👧, quotes \'"`, half a pair \uD800.';
    const { conversationId } = await say(odd);
    const [stored] = (await messagesOf(conversationId)).messages;
    expect(stored?.content).toBe('NUL \uFFFD, emoji 👩‍👩‍👧, quotes \'"`, half a pair \uFFFD.');
  });

  test.each([
    ['an empty message', { message: '' }, 400],
    ['no message', {}, 400],
    ['an unknown field', { message: 'x', tenant: 'globex' }, 400],
    ['a message that is too long', { message: 'x'.repeat(262_145) }, 413],
    ['a conversation that does not exist', { message: 'x', conversationId: '00000000-0000-4000-8000-000000000000' }, 404],
    ['a conversation id that is none', { message: 'x', conversationId: "'; drop table message" }, 404],
  ])('is refused: %s', async (_what, body, status) => {
    expect((await agent.call('POST', path, { body })).status).toBe(status);
  });

  test('whose model fails leaves no trace, so that it can simply be sent again', async () => {
    const { conversationId } = await say('one');
    play(refuse({ status: 429, code: 'budget_exceeded', type: 'insufficient_quota' }));
    const refused = await agent.call('POST', path, { body: { message: 'two', conversationId } });
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ error: { code: 'budget_exceeded' } });
    play(echo);
    await say('two', conversationId);
    expect((await messagesOf(conversationId)).messages.map(({ content }) => content)).toEqual(['one', 'Echo: one', 'two', 'Echo: two']);
  });

  test('whose model breaks off is an error, and nothing of it is kept', async () => {
    const { conversationId } = await say('one');
    play(pausedStream(Promise.resolve(), 'broken'));
    const answer = await agent.call('POST', path, { body: { message: 'two', conversationId } });
    expect([answer.status, await answer.json()]).toMatchObject([502, { error: { code: 'model_interrupted' } }]);
    expect((await messagesOf(conversationId)).messages).toHaveLength(2);
    play(echo);
  });
});

async function textUntil(answer: Response, wanted: string): Promise<void> {
  let text = '';
  for await (const bytes of z.instanceof(ReadableStream<Uint8Array>).parse(answer.body)) {
    text += Buffer.from(bytes).toString('utf8');
    if (text.includes(wanted)) return;
  }
}

describe('a streamed message', () => {
  const eventShape = z.looseObject({ type: z.string() });

  async function events(answer: Response): Promise<z.infer<typeof eventShape>[]> {
    const seen: z.infer<typeof eventShape>[] = [];
    const parser = createParser({
      onEvent: ({ event, data }) => {
        const parsed = eventShape.parse(JSON.parse(data));
        expect(event).toBe(parsed.type);
        seen.push(parsed);
      },
    });
    parser.feed(await answer.text());
    return seen;
  }

  test('is answered by events that end with the same as a plain answer', async () => {
    play(echo);
    const answer = await agent.call('POST', path, { body: { message: 'a b', stream: true } });
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
    const seen = await events(answer);
    expect(seen.map(({ type }) => type)).toEqual([
      'message.started',
      'message.delta',
      'message.delta',
      'message.delta',
      'message.completed',
    ]);
    const completed = reply.parse(seen.at(-1));
    expect(completed.message.content).toBe('Echo: a b');
    expect(seen[0]).toMatchObject({ conversationId: completed.conversationId, messageId: completed.message.id });
    expect((await messagesOf(completed.conversationId)).messages.at(-1)?.content).toBe('Echo: a b');
  });

  test('ends with an error event when the model breaks off', async () => {
    play(pausedStream(Promise.resolve(), 'broken'));
    const seen = await events(await agent.call('POST', path, { body: { message: 'a b', stream: true } }));
    expect(seen.at(-1)).toMatchObject({ type: 'error', error: { code: 'model_interrupted' } });
  });

  test('whose model refuses is a plain HTTP error', async () => {
    play(refuse({ status: 403, code: 'model_not_allowed', type: 'permission_error' }));
    expect((await agent.call('POST', path, { body: { message: 'a b', stream: true } })).status).toBe(403);
  });

  test('of a caller who hangs up ends the call of the model and keeps what was produced', async () => {
    play(echo);
    const { conversationId } = await say('one');
    play(pausedStream(new Promise(() => undefined)));
    const hangUp = new AbortController();
    const answer = await agent.call('POST', path, { body: { message: 'two', conversationId, stream: true }, signal: hangUp.signal });
    await textUntil(answer, 'message.delta');
    hangUp.abort();
    await agent.egress.last().closed;
    await expect.poll(async () => (await messagesOf(conversationId)).messages.length).toBe(4);
    expect((await messagesOf(conversationId)).messages.at(-1)).toMatchObject({ content: 'Echo: ', finishReason: 'cancelled' });
  });
});

describe('messages of one conversation sent at once', () => {
  test('are answered one after the other, none lost, none interleaved, across replicas', async () => {
    play(echo);
    const { conversationId } = await say('first');
    const messages = Array.from({ length: 8 }, (_, index) => `m${index}`);
    await Promise.all(messages.map((message, index) => say(message, conversationId, {}, index % 2 === 0 ? agent : replica)));
    const stored = (await messagesOf(conversationId)).messages.map(({ content }) => content).slice(2);
    expect(stored.filter((_, index) => index % 2 === 0).sort()).toEqual(messages);
    for (let index = 0; index < stored.length; index += 2) expect(stored[index + 1]).toBe(`Echo: ${stored[index] ?? ''}`);
  });

  test('to one replica keep their order', async () => {
    const { conversationId } = await say('first');
    const messages = ['m0', 'm1', 'm2', 'm3'];
    const answers: Promise<unknown>[] = [];
    for (const message of messages) {
      answers.push(say(message, conversationId));
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    await Promise.all(answers);
    const asked = (await messagesOf(conversationId)).messages.filter(({ role }) => role === 'user').map(({ content }) => content);
    expect(asked).toEqual(['first', ...messages]);
  });
});

describe('the history', () => {
  test('is paged from the newest back', async () => {
    play(echo);
    const { conversationId } = await say('1');
    for (const message of ['2', '3']) await say(message, conversationId);
    const newest = await messagesOf(conversationId, '&limit=4');
    expect(newest.messages.map(({ content }) => content)).toEqual(['2', 'Echo: 2', '3', 'Echo: 3']);
    const older = await messagesOf(conversationId, `&limit=4&before=${newest.nextBefore ?? ''}`);
    expect(older.messages.map(({ content }) => content)).toEqual(['1', 'Echo: 1']);
    expect(older.nextBefore).toBeNull();
  });

  test('lists conversations, the latest activity first, paged', async () => {
    const me = somebody();
    const ids: string[] = [];
    for (const text of ['first\n  question', 'second', 'third']) ids.push((await say(text, undefined, me)).conversationId);
    await say('again', ids[0], me);
    const list = async (query: string): Promise<z.infer<typeof conversations>> =>
      conversations.parse(await (await agent.call('GET', `${path}${query}`, me)).json());
    expect((await list('')).conversations.map(({ title }) => title)).toEqual(['first question', 'third', 'second']);
    const page = await list('?limit=2');
    expect(page.conversations.map(({ id }) => id)).toEqual([ids[0], ids[2]]);
    expect((await list(`?limit=2&before=${page.nextBefore ?? ''}`)).conversations.map(({ id }) => id)).toEqual([ids[1]]);
  });

  test.each(['limit=0', 'limit=201', 'limit=x', 'before=x', 'tenant=globex'])('refuses ?%s', async (query) => {
    expect((await agent.call('GET', `${path}?${query}`)).status).toBe(400);
  });

  test('is for its owner alone: to another subject of the tenant it does not exist', async () => {
    const { conversationId } = await say('mine', undefined, as('key:owner'));
    const stranger = as('key:stranger');
    const read = await agent.call('GET', `${path}?conversationId=${conversationId}`, stranger);
    const write = await agent.call('POST', path, { ...stranger, body: { message: 'x', conversationId } });
    const streamed = await agent.call('POST', path, { ...stranger, body: { message: 'x', conversationId, stream: true } });
    expect([read.status, write.status, streamed.status]).toEqual([404, 404, 404]);
    const unknown = await agent.call('POST', path, {
      ...stranger,
      body: { message: 'x', conversationId: conversationId.replace(/^./, 'f') },
    });
    expect(await write.json()).toEqual(await unknown.json());
    expect(conversations.parse(await (await agent.call('GET', path, stranger)).json()).conversations).toEqual([]);
    expect((await messagesOf(conversationId, '', as('key:owner'))).messages).toHaveLength(2);
  });

  test('pages of a stranger cannot be reached by the id of one of his conversations', async () => {
    const mine = somebody();
    await say('mine', undefined, mine);
    const { conversationId: foreign } = await say('foreign', undefined, somebody());
    const answer = await agent.call('GET', `${path}?before=${foreign}`, mine);
    expect(conversations.parse(await answer.json()).conversations).toEqual([]);
  });

  test('of one agent is not that of another agent of the tenant', async () => {
    const other = await testAgent({ database });
    const { conversationId } = await say('mine');
    expect((await other.call('GET', `${path}?conversationId=${conversationId}`)).status).toBe(404);
    await other.stop();
  });
});

test('no log line holds a word of what was said, asked for or set', async () => {
  const secret = 'xyzzy-plugh';
  play(echo);
  const { conversationId } = await say(secret);
  await agent.call('POST', '/v1/chat/completions', { body: { messages: [{ role: 'user', content: secret }] } });
  await agent.call('PUT', `/api/v1/tenants/${tenant}/settings`, { body: { additionalInstructions: secret }, headers: { 'if-match': '*' } });
  play(refuse({ status: 400, code: 'x', message: secret }));
  await agent.call('POST', path, { body: { message: secret, conversationId } });
  play((_body, response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`data: {"${secret}\n\n`));
  await agent.call('POST', path, { body: { message: secret, conversationId } });
  expect(agent.log.length).toBeGreaterThan(5);
  expect(agent.log.join('')).not.toContain(secret);
  expect(agent.log.join('')).not.toContain('Bearer');
});
