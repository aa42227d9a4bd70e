import { request, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { call, openai } from './support/http.ts';
import { agentName, createTenant, deleteTenant, type LiveTenant } from './support/tenants.ts';
import { until } from './support/until.ts';
import { openWorld, type World } from './support/world.ts';

let world: World;
let tenant: LiveTenant;
beforeAll(async () => {
  world = await openWorld();
  tenant = await createTenant(world, {
    name: 'chat',
    agent: {
      instructions: 'You are a parrot.',
      responseCache: {},
      settings: { temperature: { min: 0, max: 1 }, additionalInstructions: { maxLength: 200 } },
    },
  });
});
afterAll(() => deleteTenant(world, 'chat'));

describe('the openai client, through the Ingress', () => {
  const client = () => openai(`${tenant.url}/v1`, tenant.key);

  test('gets an answer that knows the instructions, and its usage', async () => {
    const answer = await client().chat.completions.create({ model: agentName, messages: [{ role: 'user', content: 'Hello there' }] });
    expect(answer.choices[0]?.message.content).toMatch(/offline model/i);
    expect(answer.choices[0]?.message.content).toContain('You are a parrot.');
    expect(answer.choices[0]?.message.content).toContain('Hello there');
    expect(answer.usage?.total_tokens).toBeGreaterThan(0);
  });

  test('gets the answer that it has had, by its word, where it asks for the same and wants no dice thrown', async () => {
    const asked = { model: agentName, temperature: 0, messages: [{ role: 'user' as const, content: `Hello ${Math.random()}` }] };
    const ask = () => client().chat.completions.create(asked).withResponse();
    const [first, second] = [await ask(), await ask()];
    expect([first, second].map(({ response }) => response.headers.get('x-cloister-cache'))).toEqual(['miss', 'hit']);
    expect(second.data).toEqual(first.data);
    const stream = () =>
      client()
        .chat.completions.create({ ...asked, stream: true })
        .withResponse();
    const texts: string[] = [];
    const told: (string | null)[] = [];
    for (const { data, response } of [await stream(), await stream()]) {
      told.push(response.headers.get('x-cloister-cache'));
      let text = '';
      for await (const chunk of data) text += chunk.choices[0]?.delta.content ?? '';
      texts.push(text);
    }
    expect(told).toEqual(['miss', 'hit']);
    expect(texts).toEqual([first.data.choices[0]?.message.content, first.data.choices[0]?.message.content]);
    const { response } = await client()
      .chat.completions.create({ ...asked, temperature: 1 })
      .withResponse();
    expect(response.headers.get('x-cloister-cache')).toBeNull();
  });

  test('gets a stream whose first chunk comes long before its last', async () => {
    const stream = await client().chat.completions.create({
      model: agentName,
      stream: true,
      stream_options: { include_usage: true },
      messages: [{ role: 'user', content: 'slowly say 20 words' }],
    });
    const times: number[] = [];
    let text = '';
    let tokens = 0;
    for await (const chunk of stream) {
      const piece = chunk.choices[0]?.delta.content ?? '';
      if (piece !== '') times.push(performance.now());
      text += piece;
      tokens += chunk.usage?.total_tokens ?? 0;
    }
    expect(text.trim().split(/\s+/)).toHaveLength(20);
    expect(tokens).toBeGreaterThan(0);
    // 20 words at 50 ms each: a path that buffers would deliver them all in one moment.
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(500);
  });

  test('is asked to call a tool, and its result reaches the model', async () => {
    const tools = [
      {
        type: 'function' as const,
        function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
      },
    ];
    const question = { role: 'user' as const, content: 'call tool weather with {"city":"Oslo"}' };
    const first = await client().chat.completions.create({ model: agentName, tools, messages: [question] });
    const message = first.choices[0]?.message;
    const toolCall = message?.tool_calls?.[0];
    if (!message || toolCall?.type !== 'function') throw new Error(`no tool call in ${JSON.stringify(first)}`);
    expect(first.choices[0]?.finish_reason).toBe('tool_calls');
    expect(JSON.parse(toolCall.function.arguments)).toEqual({ city: 'Oslo' });
    const second = await client().chat.completions.create({
      model: agentName,
      tools,
      messages: [question, message, { role: 'tool', tool_call_id: toolCall.id, content: 'rain, 7 degrees' }],
    });
    expect(second.choices[0]?.message.content).toContain('rain, 7 degrees');
  });

  test('lists the agents of its tenant as models', async () => {
    const models = await client().models.list();
    expect(models.data.map((model) => model.id)).toContain(agentName);
  });

  test('is told in its own error classes what is wrong', async () => {
    await expect(openai(`${tenant.url}/v1`, 'ck_wrong').models.list()).rejects.toMatchObject({ status: 401 });
    const unknown = client().chat.completions.create({ model: 'offline/no-such-model', messages: [{ role: 'user', content: 'x' }] });
    await expect(unknown).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
  });
});

describe('the REST API, with nothing but HTTP', () => {
  const api = (path: string) => `${tenant.url}/api/v1/tenants/${tenant.name}${path}`;
  const chatAnswer = z.object({ conversationId: z.string(), message: z.object({ role: z.literal('assistant'), content: z.string() }) });

  test('remembers a conversation and gives its history', async () => {
    const say = async (body: object) =>
      chatAnswer.parse(JSON.parse((await call(api('/chat'), { method: 'POST', key: tenant.key, body })).text));
    const first = await say({ message: 'my name is Ada' });
    await say({ message: 'what is my name?', conversationId: first.conversationId });
    const history = await call(api(`/chat?conversationId=${first.conversationId}`), { key: tenant.key });
    expect(history.status).toBe(200);
    expect(history.text).toContain('my name is Ada');
    expect(history.text).toContain('what is my name?');
  });

  test('changes settings within their bounds, guarded by ETag', async () => {
    const before = await call(api('/settings'), { key: tenant.key });
    const etag = z.string().parse(before.headers['etag']);
    const put = (body: object, ifMatch: string) =>
      call(api('/settings'), { method: 'PUT', key: tenant.key, headers: { 'if-match': ifMatch }, body });
    const changed = await put({ additionalInstructions: 'Speak like a pirate.' }, etag);
    expect(changed.status, changed.text).toBe(200);
    expect((await put({ temperature: 0.1 }, etag)).status).toBe(412);
    const beyond = await put({ temperature: 1.9 }, z.string().parse(changed.headers['etag']));
    expect(beyond.status).toBe(400);
    expect(beyond.text).toMatch(/temperature[^]*1\.9[^]*1/);
    const answer = await call(api('/chat'), { method: 'POST', key: tenant.key, body: { message: 'ahoy' } });
    expect(answer.text).toContain('Speak like a pirate.');
  });
});

describe('a large body', () => {
  const body = JSON.stringify({ model: agentName, messages: [{ role: 'user', content: 'say 2 words' }] }).padEnd(1_000_000);
  const script = `
    const [, received] = /eth0: *(\\d+)/.exec(require('node:fs').readFileSync('/proc/net/dev', 'utf8'));
    process.stdout.write(received);`;
  /** Bytes that the network has brought to the agent's pod. */
  const received = async () =>
    Number(await world.kubectl.run(['exec', '-n', tenant.namespace, `deployment/${agentName}`, '--', 'node', '-e', script]));

  test.each([
    ['of a length that is declared', { 'content-length': String(body.length) }],
    ['of a length that nobody has said', { 'transfer-encoding': 'chunked' }],
  ])('%s is at its agent before its last byte is sent', async (_, length) => {
    const before = await received();
    const answered = Promise.withResolvers<IncomingMessage>();
    const { port } = new URL(tenant.url);
    const headers = { host: tenant.host, authorization: `Bearer ${tenant.key}`, 'content-type': 'application/json', ...length };
    const sending = request({ host: '127.0.0.1', port, path: '/v1/chat/completions', method: 'POST', headers })
      .once('response', answered.resolve)
      .once('error', answered.reject);
    for (let at = 0; at < body.length; at += 100_000) {
      sending.write(body.slice(at, Math.min(at + 100_000, body.length - 1)));
      await sleep(20);
    }
    await until('all but the last byte at the agent', async () => (await received()) - before >= body.length - 1, { within: 10_000 });
    sending.end(body.slice(-1));
    const answer = await answered.promise;
    const text = (await answer.setEncoding('utf8').toArray()).join('');
    expect([answer.statusCode, text]).toEqual([200, expect.stringContaining('word1 word2')]);
  });
});
