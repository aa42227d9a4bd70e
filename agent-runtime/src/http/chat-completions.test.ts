import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { echo, event, pausedStream, refuse, refuseModels } from '../model/egress.double.ts';
import { collect, refusalOf, tenant, testAgent, type TestAgent } from '../runtime.fixture.ts';
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
      instructions: 'You are {{agent}} of {{tenant}}.',
      model: 'main/model',
      fallbacks: ['spare/one', 'spare/two'],
      parameters: { temperature: 0.3, topP: 0.9, maxOutputTokens: 500 },
      settings: { models: ['extra/model'], temperature: { min: 0, max: 1 } },
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

describe('the openai client', () => {
  test('gets an answer', async () => {
    agent.egress.play(echo);
    const answer = await ask();
    expect(answer.choices[0]).toMatchObject({ message: { role: 'assistant', content: 'Echo: Hello you' }, finish_reason: 'stop' });
    expect(answer).toMatchObject({ object: 'chat.completion', usage: { completion_tokens: 3 } });
  });

  test('gets a stream that ends with the usage it asked for', async () => {
    agent.egress.play(echo);
    const stream = await openai.chat.completions.create({
      model: 'helper',
      messages: hello,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await collect(stream);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('Echo: Hello you');
    expect(chunks.at(-1)).toMatchObject({ object: 'chat.completion.chunk', choices: [], usage: { completion_tokens: 3 } });
  });

  test('gets the first chunk while the model still works on the rest', async () => {
    const { promise: gate, resolve: goOn } = Promise.withResolvers<undefined>();
    agent.egress.play(pausedStream(gate));
    const stream = await openai.chat.completions.create({ model: 'helper', messages: hello, stream: true });
    let seen = '';
    for await (const chunk of stream) {
      seen += chunk.choices[0]?.delta.content ?? '';
      if (seen === 'Echo: ') goOn(undefined);
    }
    expect(seen).toBe('Echo: Hello you');
  });

  test('gets tool calls back and may answer them', async () => {
    const call = { id: 'call_1', type: 'function' as const, function: { name: 'add', arguments: '{"a":1}' } };
    agent.egress.play((body, response) => {
      const message = { role: 'assistant', content: null, tool_calls: [call] };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          id: 'x',
          object: 'chat.completion',
          created: 1,
          model: body.model,
          choices: [{ index: 0, message, finish_reason: 'tool_calls' }],
        }),
      );
    });
    const tools = [{ type: 'function' as const, function: { name: 'add', parameters: { type: 'object' } } }];
    const answer = await ask({ tools, tool_choice: 'auto', response_format: { type: 'json_object' } });
    expect(answer.choices[0]?.message.tool_calls).toEqual([call]);
    expect(agent.egress.last().body).toMatchObject({ tools, tool_choice: 'auto', response_format: { type: 'json_object' } });

    agent.egress.play(echo);
    const followUp = [
      ...hello,
      { role: 'assistant' as const, tool_calls: [call] },
      { role: 'tool' as const, tool_call_id: 'call_1', content: '3' },
    ];
    await ask({ messages: followUp });
    expect(agent.egress.last().body.messages.slice(1)).toEqual(followUp);
  });

  test('lists the agent and the models that may be named instead, and finds each', async () => {
    const names = (await collect(openai.models.list())).map(({ id }) => id);
    expect(names).toEqual(['helper', 'main/model', 'spare/one', 'spare/two', 'extra/model']);
    for (const name of names) expect(await openai.models.retrieve(name)).toMatchObject({ id: name, object: 'model', owned_by: tenant });
    expect(await refusalOf(openai.models.retrieve('nobody/knows'))).toMatchObject({ status: 404, code: 'model_not_found' });
  });
});

describe('what the model is sent', () => {
  test('begins with the instructions; the own system messages of the caller follow', async () => {
    agent.egress.play(echo);
    const own = { role: 'system' as const, content: 'Speak French.' };
    await ask({ messages: [own, ...hello] });
    expect(agent.egress.last().body.messages).toEqual([{ role: 'system', content: `You are helper of ${tenant}.` }, own, ...hello]);
  });

  test('has the parameters of the AgentConfig where the caller gives none', async () => {
    await ask();
    expect(agent.egress.last().body).toMatchObject({ temperature: 0.3, top_p: 0.9, max_completion_tokens: 500 });
  });

  test.each([
    ['the temperature of the caller', { temperature: 0.7 }, { temperature: 0.7 }],
    ['zero, which is a value and not an absence', { temperature: 0 }, { temperature: 0 }],
    ['an output limit below the ceiling', { max_tokens: 10 }, { max_tokens: 10 }],
    ['the ceiling for an output limit above it', { max_tokens: 10_000 }, { max_tokens: 500 }],
    ['the ceiling under the newer name too', { max_completion_tokens: 10_000 }, { max_completion_tokens: 500 }],
    ['fields that nobody here has heard of', { prediction_of_tomorrow: { deep: true } }, { prediction_of_tomorrow: { deep: true } }],
  ])('has %s', async (_what, given: object, expected) => {
    await ask(given);
    expect(agent.egress.last().body).toMatchObject(expected);
  });

  test('has no second output limit beside the one of the caller', async () => {
    await ask({ max_tokens: 10 });
    expect(agent.egress.last().body).not.toHaveProperty('max_completion_tokens');
  });

  test('comes with the pod token, the agent, the trace as it came, the request id and what edge vouches for, and nothing of the caller', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const headers = {
      traceparent,
      tracestate: 'vendor=1',
      'x-request-id': 'req-7',
      'x-cloister-voucher': 'v.o.u',
      cookie: 'a=b',
      'x-custom': 'c',
    };
    const answer = await agent.call('POST', '/v1/chat/completions', { body: { messages: hello }, headers });
    expect(answer.headers.get('x-request-id')).toBe('req-7');
    const { headers: sent } = agent.egress.last();
    expect(sent).toMatchObject({ authorization: 'Bearer pod-token', 'x-cloister-agent': 'helper', 'x-request-id': 'req-7' });
    expect(sent).toMatchObject({ traceparent, tracestate: 'vendor=1' });
    expect(sent['x-cloister-voucher']).toBe('v.o.u');
    expect(sent).not.toHaveProperty('cookie');
    expect(sent).not.toHaveProperty('x-custom');
  });

  test('says nothing of a voucher where there was none', async () => {
    await agent.call('POST', '/v1/chat/completions', { body: { messages: hello } });
    expect(agent.egress.last().headers).not.toHaveProperty('x-cloister-voucher');
  });
});

describe('the model', () => {
  test.each([
    ['helper', 'main/model'],
    ['main/model', 'main/model'],
    ['spare/two', 'spare/two'],
    ['extra/model', 'extra/model'],
  ])('named %s is %s', async (named, model) => {
    await ask({ model: named });
    expect(agent.egress.last().body.model).toBe(model);
  });

  test('that nobody offers is not found', async () => {
    expect(await refusalOf(ask({ model: 'gpt-9' }))).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
  });

  test.each([
    ['provider_unreachable', 502],
    ['provider_not_configured', 503],
    ['provider_timeout', 504],
  ])('that does not answer (%s) is followed by its fallbacks, in order', async (code, status) => {
    agent.egress.play(refuseModels(['main/model', 'spare/one'], { status, code }));
    const before = agent.egress.received.length;
    expect((await ask()).model).toBe('spare/two');
    expect(agent.egress.received.slice(before).map(({ body }) => body.model)).toEqual(['main/model', 'spare/one', 'spare/two']);
  });

  test('that was named itself has no fallback', async () => {
    expect(await refusalOf(ask({ model: 'main/model' }))).toMatchObject({ status: 504, code: 'provider_timeout' });
  });

  test.each([
    ['context_length_exceeded', 400],
    ['provider_rate_limited', 429],
    ['budget_unavailable', 503],
  ])('that refuses (%s) is not followed by a fallback', async (code, status) => {
    const before = agent.egress.received.length;
    agent.egress.play(refuse({ status, code, type: 'some_error' }));
    expect(await refusalOf(ask())).toMatchObject({ status, code, type: 'some_error' });
    expect(agent.egress.received.length).toBe(before + 1);
  });
});

test('a caller who hangs up ends the call of the model', async () => {
  agent.egress.play(pausedStream(new Promise(() => undefined)));
  const hangUp = new AbortController();
  const answer = await agent.call('POST', '/v1/chat/completions', { body: { messages: hello, stream: true }, signal: hangUp.signal });
  expect(answer.status).toBe(200);
  hangUp.abort();
  await agent.egress.last().closed;
});

test('a caller who hangs up while the settings are read is nobody for whom a model is asked', async () => {
  agent.egress.play(echo);
  const [asked, read] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
  let isSlow = false;
  const query: Database['query'] = async (sql, values, name) => {
    if (isSlow && name === 'settings_read') {
      asked.resolve(undefined);
      await read.promise;
    }
    return database.query(sql, values, name);
  };
  const slow = await testAgent({ database: { ...database, query }, egress: agent.egress });
  isSlow = true;
  const before = agent.egress.received.length;
  const hangUp = new AbortController();
  const gone = slow.call('POST', '/v1/chat/completions', { body: { messages: hello }, signal: hangUp.signal });
  await asked.promise;
  hangUp.abort();
  await expect(gone).rejects.toThrow();
  await expect.poll(() => slow.log.filter((line) => line.includes('"status":499'))).toHaveLength(1);
  read.resolve(undefined);
  expect((await slow.call('POST', '/v1/chat/completions', { body: { messages: hello } })).status).toBe(200);
  expect(agent.egress.received.length, 'the second call alone').toBe(before + 1);
  await slow.stop();
});

test('a pooled connection that egress has closed meanwhile costs no request', async () => {
  agent.egress.play(async (body, response) => {
    await echo(body, response);
    response.once('finish', () => response.socket?.destroySoon());
  });
  for (let call = 0; call < 20; call++) await ask();
});

test('bytes of a stream arrive exactly as the model sent them', async () => {
  const odd = `: comment\n\n${event({ id: 'x', choices: [], unknown: ['ü', 1e21] })}data: [DONE]\n\n`;
  agent.egress.play((_body, response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(odd));
  const answer = await agent.call('POST', '/v1/chat/completions', { body: { messages: hello, stream: true } });
  expect(answer.headers.get('content-type')).toBe('text/event-stream');
  expect(await answer.text()).toBe(odd);
});
