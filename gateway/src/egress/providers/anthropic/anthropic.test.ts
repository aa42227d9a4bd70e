/** Through egress as a whole, with a double of the wire format of Anthropic's Messages API behind it. */
import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { model } from '../../egress.fixture.ts';
import { beginStream, failure } from '../provider.double.ts';
import { providerUnderTest } from '../provider.fixture.ts';
import * as api from './messages-api.double.ts';

const said = api.message([{ type: 'text', text: 'Hello' }]);
const { egress, provider, key, running, offer, chat, refusalOf, settled } = await providerUnderTest(
  'Anthropic',
  { models: [model('claude')] },
  said,
);

const delta = z.looseObject({ tool_calls: z.array(z.looseObject({ function: z.looseObject({ arguments: z.string() }) })).optional() });
const chunk = z.looseObject({
  id: z.literal('msg_1'),
  object: z.literal('chat.completion.chunk'),
  model: z.literal('claude-real'),
  choices: z.array(z.object({ index: z.literal(0), delta, finish_reason: z.string().nullable() })),
});
/** Of a stream that is whole. */
function chunksIn(answer: string): z.infer<typeof chunk>[] {
  const events = answer.split('\n\n').flatMap((event) => (event === '' ? [] : [event.slice('data: '.length)]));
  expect(events.pop()).toBe('[DONE]');
  return events.map((data) => chunk.parse(JSON.parse(data)));
}
const refused = async (body: object) => refusalOf(await chat(body));

test('Anthropic hears the platform’s key, the version of the API, and nothing else of the agent’s headers', async () => {
  await (await chat()).text();
  expect(provider.asked[0]).toMatchObject({ url: '/v1/messages', headers: { 'x-api-key': key, 'anthropic-version': '2023-06-01' } });
  expect(JSON.stringify(provider.asked[0]?.headers)).not.toContain(running.token);
});

test('what Anthropic cannot take is refused before it is asked, and costs nothing', async () => {
  expect(await refused({ n: 2 })).toMatchObject({ status: 400, code: 'provider_rejected', param: 'n' });
  expect(provider.asked).toEqual([]);
  await settled({ settled: 0, reserved: 0 });
});

describe('an answer of Anthropic', () => {
  test('is a completion as OpenAI’s, calls of tools and cached tokens included', async () => {
    const content = [
      { type: 'thinking', thinking: 'hm', signature: 'x' },
      { type: 'text', text: 'Let me look.' },
      { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Rome' } },
    ];
    provider.answer = api.message(content, 'tool_use', {
      input_tokens: 60,
      cache_read_input_tokens: 30,
      cache_creation_input_tokens: 10,
      output_tokens: 50,
    });
    expect(await (await chat()).json()).toMatchObject({
      id: 'msg_1',
      object: 'chat.completion',
      model: 'claude-real',
      choices: [
        {
          message: {
            content: 'Let me look.',
            tool_calls: [{ id: 'toolu_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } }],
          },
          finish_reason: 'tool_calls',
        },
      ],
      usage: {
        ...{ prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 },
        prompt_tokens_details: { cached_tokens: 30, cache_write_tokens: 10 },
      },
    });
    await settled({ settled: 200, tokens: 150, reserved: 0 });
  });

  test('costs what its cached tokens cost and what was written to the cache, whole or as a stream', async () => {
    const price = { inputPerMillion: 3, cachedInputPerMillion: 0.3, cacheWritePerMillion: 3.75, outputPerMillion: 15 };
    offer({ models: [model('claude', { price })] });
    const input = { input_tokens: 60, cache_read_input_tokens: 30_000, cache_creation_input_tokens: 1_000 };
    provider.answer = api.message([{ type: 'text', text: 'Hi' }], 'end_turn', { ...input, output_tokens: 50 });
    await (await chat()).text();
    const begun = api.start({ ...input, output_tokens: 1 }) + api.textStart() + api.text('Hi') + api.stop();
    provider.answer = api.streamedEvents(begun, api.end('end_turn', { output_tokens: 50 }));
    await (await chat({ stream: true })).text();
    await settled({ settled: 2 * (180 + 9_000 + 3_750 + 750), tokens: 2 * 31_110, reserved: 0 });
  });

  test('has numbers in arguments of tools as the model wrote them', async () => {
    const input = '{"id":1234567890123456789,"rate":0.12345678901234567890}';
    const content = `[{"type":"tool_use","id":"toolu_1","name":"find","input":${input}}]`;
    provider.answer = failure(200, `{"id":"msg_1","model":"claude-real","content":${content},"stop_reason":"tool_use"}`);
    expect(await (await chat()).json()).toMatchObject({ choices: [{ message: { tool_calls: [{ function: { arguments: input } }] } }] });
  });

  test.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['refusal', 'content_filter'],
    ['something_new', 'stop'],
  ])('that ended for %s ended for %s', async (reason, finish) => {
    provider.answer = api.message([], reason);
    expect(await (await chat()).json()).toMatchObject({ choices: [{ finish_reason: finish, message: { content: null } }] });
  });
});

describe('a stream of Anthropic', () => {
  const whole = [
    api.start({ input_tokens: 60, cache_read_input_tokens: 40, output_tokens: 1 }),
    api.textStart() + api.text('Hel'),
    api.text('lo') + api.stop(),
    api.toolStart(1, 'toolu_1', 'weather') + api.json(1, '') + api.json(1, '{"city":'),
    api.json(1, '"Rome"}') + api.stop(1),
    api.end('tool_use', { output_tokens: 50 }),
  ];

  test('is one of chunks as OpenAI’s', async () => {
    provider.answer = api.streamedEvents(...whole);
    const chunks = chunksIn(await (await chat({ stream: true, stream_options: { include_usage: true } })).text());
    expect(chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta))).toEqual([
      { role: 'assistant', content: '' },
      { content: 'Hel' },
      { content: 'lo' },
      { tool_calls: [{ index: 0, id: 'toolu_1', type: 'function', function: { name: 'weather', arguments: '' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '"Rome"}' } }] },
      {},
    ]);
    expect(chunks.flatMap(({ choices }) => choices.map((choice) => choice.finish_reason)).filter(Boolean)).toEqual(['tool_calls']);
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 100, completion_tokens: 50, prompt_tokens_details: { cached_tokens: 40 } },
    });
    await settled({ settled: 200, tokens: 150, reserved: 0 });
  });

  const call = api.toolStart(0, 'toolu_1', 'list');
  test.each([
    ['has none', call, '{}'],
    ['has none and says so', call + api.json(0, ''), '{}'],
    ['has all of them at once', call.replace('"input":{}', '"input":{"id":1234567890123456789}'), '{"id":1234567890123456789}'],
    ['has them in pieces', call + api.json(0, '{"a"') + api.json(0, ':1}'), '{"a":1}'],
  ])('whose call of a tool %s gives arguments that can be parsed', async (_, events, expected) => {
    provider.answer = api.streamedEvents(api.start(), events + api.stop(), api.end('tool_use'));
    const calls = chunksIn(await (await chat({ stream: true })).text()).flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? []);
    expect(calls.map((piece) => piece.function.arguments).join('')).toBe(expected);
  });

  test('says nothing of usage where nobody asked, and is settled all the same', async () => {
    provider.answer = api.streamedEvents(...whole);
    const answer = await (await chat({ stream: true })).text();
    expect(answer).not.toContain('usage');
    expect(answer).toMatch(/data: \[DONE\]\n\n$/);
    await settled({ tokens: 150 });
  });

  test('arrives piece by piece, long before it ends', async () => {
    let finish = () => {};
    provider.answer = (response) => {
      beginStream(response).write(api.start() + api.textStart() + api.text('one'));
      finish = () => response.end(api.text('two') + api.end());
    };
    const pieces: string[] = [];
    for await (const bytes of (await chat({ stream: true })).body ?? []) {
      pieces.push(Buffer.from(bytes).toString());
      finish();
    }
    expect(pieces[0]).toContain('one');
    expect(pieces[0]).not.toContain('two');
    expect(pieces.join('')).toMatch(/two.*\[DONE\]\n\n$/s);
  });

  test('that the agent leaves ends at Anthropic too, and is billed for more than had been counted when it began', async () => {
    const closed = Promise.withResolvers<undefined>();
    provider.answer = (response) => {
      beginStream(response).write(api.start() + api.textStart() + api.text('one two three four five six seven eight'));
      response.once('close', () => closed.resolve(undefined));
    };
    const leave = new AbortController();
    await (await chat({ stream: true }, {}, leave.signal)).body?.getReader().read();
    leave.abort();
    await closed.promise;
    await vi.waitFor(async () => expect((await egress.standing(running.tenant)).tokens).toBeGreaterThanOrEqual(8), 3000);
  });

  test('that goes on beyond its maximum is cut there', async () => {
    const stopped = Promise.withResolvers<undefined>();
    provider.answer = (response) => {
      beginStream(response).write(api.start() + api.textStart());
      const timer = setInterval(() => response.write(api.text(' word')), 1);
      response.once('close', () => {
        clearInterval(timer);
        stopped.resolve(undefined);
      });
    };
    expect(await (await chat({ stream: true, max_tokens: 20 })).text()).toMatch(/"finish_reason":"length".*\[DONE\]\n\n$/s);
    await stopped.promise;
  });

  test.each([
    ['reports an error', api.error('overloaded_error', `secret ${key}`), 'provider_failed'],
    ['breaks off', '', 'provider_unreachable'],
  ])('that %s in its middle ends with an error event, and is settled', async (_, last, code) => {
    provider.answer = (response) => {
      beginStream(response).write(api.start() + api.textStart() + api.text('one') + last);
      setTimeout(() => response.destroy(), 20);
    };
    const answer = await (await chat({ stream: true })).text();
    expect(answer).toMatch(new RegExp(`one.*data: \\{"error":\\{.*"code":"${code}"\\}\\}\n\n$`, 's'));
    expect(answer).not.toContain('secret');
    await settled({ reserved: 0 });
  });
});

describe('Anthropic that', () => {
  test.each([
    ['rejects our key', api.refusal(401, 'authentication_error', `invalid x-api-key ${key}`), 502, 'provider_credentials_rejected'],
    ['limits our rate', api.refusal(429, 'rate_limit_error', 'slow down', { 'retry-after': '7' }), 429, 'provider_rate_limited'],
    ['is overloaded', api.refusal(529, 'overloaded_error', 'Overloaded'), 502, 'provider_failed'],
    ['finds the request wrong', api.refusal(400, 'invalid_request_error', 'tools.0: bad'), 400, 'provider_rejected'],
    ['finds our account empty', api.refusal(400, 'invalid_request_error', 'Your credit balance is too low'), 502, 'provider_failed'],
    ['answers in HTML', failure(200, '<html>'), 502, 'provider_failed'],
    ['answers with something else', failure(200, '{"ok":true}'), 502, 'provider_failed'],
    ['hangs up', (response: { destroy: () => unknown }) => void response.destroy(), 502, 'provider_unreachable'],
  ])('%s gives an error as all others do, without the key', async (_, answer, status, code) => {
    provider.answer = answer;
    const said = await refused({});
    expect(said).toMatchObject({ status, code });
    expect(said.message).not.toContain(key);
    await settled({ reserved: 0 });
  });
});
