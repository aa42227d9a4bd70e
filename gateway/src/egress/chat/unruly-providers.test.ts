/** What providers do instead of answering as they should, one by one; the property test has them in any combination. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { ask, model } from '../egress.fixture.ts';
import * as anthropic from '../providers/anthropic/messages-api.double.ts';
import {
  beginStream,
  chunk,
  completion,
  endMark,
  failure,
  inTurn,
  piece,
  stopChunk,
  streamed,
  usageChunk,
  type ProviderDouble,
} from '../providers/provider.double.ts';
import { providerUnderTest } from '../providers/provider.fixture.ts';

const { egress, provider, running, offer, become, chat, refusalOf, settled } = await providerUnderTest();
beforeEach(() => become({ budget: { timeZone: 'UTC', daily: { usd: 1 } } }));
const errorOf = async (answer: Response) => refusalOf(answer).then(({ status, code }) => [status, code]);
const logged = () =>
  vi.waitFor(() => egress.lines.find((line) => line.includes(`"tenant":"${running.tenant}"`)) ?? expect.fail('no line'), 3_000);

describe('an error whose words', () => {
  const errorWith = (words: (response: Parameters<ProviderDouble['answer']>[0]) => void) => {
    provider.answer = (response) => words(response.writeHead(429, { 'retry-after': '7' }));
  };

  test.each<[string, Parameters<typeof errorWith>[0]]>([
    ['are many', (response) => response.end('<html>'.repeat(50_000))],
    ['break off', (response) => void response.write('{"err', () => response.destroy())],
  ])('%s is what its status says, and costs nothing', async (_, words) => {
    errorWith(words);
    const answer = await chat();
    expect(answer.headers.get('retry-after')).toBe('7');
    expect(await errorOf(answer)).toEqual([429, 'provider_rate_limited']);
    await settled({ settled: 0, reserved: 0 });
  });

  test('never come is not waited for until the provider’s time is up', async () => {
    errorWith((response) => response.flushHeaders());
    expect(await errorOf(await chat())).toEqual([429, 'provider_rate_limited']);
  });
});

describe('a stream', () => {
  test('whose provider does not hang up after its end mark is settled and was answered', async () => {
    provider.answer = (response) => void beginStream(response).write(piece('one') + stopChunk + usageChunk(100, 50) + endMark);
    expect(await (await chat({ stream: true })).text()).toBe(piece('one') + stopChunk + endMark);
    await settled({ settled: 200, reserved: 0 });
    expect(await logged()).not.toContain('"problem"');
  });

  test('in which something is no JSON ends there with an error, and not before', async () => {
    provider.answer = streamed(piece('one'), 'data: {"choices":[{"ind\n\n', piece('two'), stopChunk, endMark);
    const text = await (await chat({ stream: true })).text();
    expect(text).toMatch(/one.*\n\ndata: \{"error":\{.*"code":"provider_failed"\}\}\n\n$/);
    expect(text).not.toContain('two');
    await settled({ reserved: 0 });
  });

  const told = { error: { message: 'insides of the provider', code: 'overloaded' } };
  const failing = [
    ['an error', chunk(told)],
    ['an error as a word', chunk({ error: 'insides of the provider', choices: [] })],
    ['an event of that name', 'event: error\ndata: {"message":"insides of the provider"}\n\n'],
  ] as const;

  test.each(failing)('that begins with %s is none, and is asked for again', async (_, event) => {
    offer({ retries: 1 });
    provider.answer = inTurn(streamed(event, endMark), streamed(piece('at last'), stopChunk, endMark));
    expect(await (await chat({ stream: true })).text()).toBe(piece('at last') + stopChunk + endMark);
    offer();
    provider.answer = streamed(event, endMark);
    const { status, code, message } = await refusalOf(await chat({ stream: true }));
    expect([status, code]).toEqual([502, 'provider_failed']);
    expect(message).not.toContain('insides');
    await settled({ reserved: 0 });
  });

  test.each(failing)('in which %s comes ends there, without an end mark, in our words', async (_, event) => {
    provider.answer = streamed(piece('one'), event, endMark);
    const text = await (await chat({ stream: true })).text();
    expect(text).toMatch(/one.*\n\ndata: \{"error":\{.*"code":"provider_failed"\}\}\n\n$/);
    expect(text).not.toMatch(/insides|DONE/);
    await settled({ reserved: 0 });
    expect(await logged()).toContain('"problem":"provider_failed"');
  });

  test('whose chunks say that there is no error is whole', async () => {
    const fine = chunk({ error: null, choices: [{ index: 0, delta: { content: 'one' }, finish_reason: null }] });
    provider.answer = streamed(fine, stopChunk, endMark);
    expect(await (await chat({ stream: true })).text()).toBe(fine + stopChunk + endMark);
  });

  const said = (index: number, content: string) => chunk({ choices: [{ index, delta: { content }, finish_reason: null }] });
  const stopped = (index: number, finish_reason = 'stop') => chunk({ choices: [{ index, delta: {}, finish_reason }] });

  test('without an end mark is whole where each choice that was asked for has ended, and has broken off where one has not', async () => {
    const half = [said(0, 'one'), said(1, 'two'), stopped(0)];
    provider.answer = streamed(...half, stopped(1));
    expect(await (await chat({ stream: true, n: 2 })).text()).toBe([...half, stopped(1), endMark].join(''));
    for (const broken of [half, [said(0, 'one'), stopped(0)], [said(0, 'one'), stopped(0), stopped(0)]]) {
      provider.answer = streamed(...broken);
      const text = await (await chat({ stream: true, n: 2 })).text();
      expect(text.slice(broken.join('').length)).toMatch(/^data: \{"error":\{.*"code":"provider_failed"\}\}\n\n$/);
    }
  });

  test.each([
    ['each of two choices', '', [0, 1]],
    ['a choice of which no reason was told why it has ended', stopped(0, ''), [0, 1]],
    ['the one of two choices that has not ended', stopped(0), [1]],
  ])('that goes on beyond its reservation is cut there, and with it %s', async (_, first, cut) => {
    const begun = said(0, 'one') + said(1, 'two') + first;
    const more = said(1, ' word'.repeat(200));
    provider.answer = (response) => void beginStream(response).write(begun + more);
    expect(await (await chat({ stream: true, n: 2, max_tokens: 20 })).text()).toBe(
      [begun, more, ...cut.map((index) => stopped(index, 'length')), endMark].join(''),
    );
  });

  test('may hold events without data', async () => {
    provider.answer = streamed('data:\n\n', piece('one'), 'event: ping\ndata: \n\n', stopChunk, endMark);
    expect(await (await chat({ stream: true })).text()).toBe(piece('one') + stopChunk + endMark);
  });
});

test.each([
  ['a whole answer to who asked for a stream', true, completion('whole', 100, 50), 200],
  ['an error that calls itself a success', false, failure(200, '{"error":{"message":"overloaded"}}'), undefined],
  ['JSON that is no completion', false, failure(200, '{"hello":"you"}'), undefined],
])('%s is a failure of the provider, and is billed all the same', async (_, stream, answer, cost) => {
  provider.answer = answer;
  expect(await errorOf(await chat({ stream }))).toEqual([502, 'provider_failed']);
  await settled({ reserved: 0, ...(cost === undefined ? {} : { settled: cost }) });
  expect((await egress.standing(running.tenant)).settled).toBeGreaterThan(0);
});

const booked = async () => {
  const text = 'select input_tokens::int as input, output_tokens::int as output from cloister_egress.usage where tenant = $1';
  const [used] = z.tuple([z.object({ input: z.int(), output: z.int() })]).parse(await egress.sql.query(text, [running.tenant]));
  return used;
};
const settledAs = (expected: object) => vi.waitFor(async () => expect(await booked()).toMatchObject(expected), 3_000);

describe('a stream that is cut and goes on beyond what is possible', () => {
  const usage = z.object({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() });
  const lastChunk = z.object({ choices: z.tuple([]), usage });
  const cutAfter = async (...pieces: readonly string[]) => {
    offer({ models: [model('m1', { contextWindow: 1_000 })] });
    provider.answer = (response) => void beginStream(response).write(pieces.join(''));
    const text = await (await chat({ stream: true, max_tokens: 100, stream_options: { include_usage: true } })).text();
    expect(text.endsWith(endMark)).toBe(true);
    return lastChunk.parse(JSON.parse(text.split('data: ').at(-2) ?? '')).usage;
  };
  const many = ' word'.repeat(250);

  test('tells its caller and the books of as much as is possible, and of nothing impossible where its provider has said nothing', async () => {
    const told = await cutAfter(piece(many));
    expect(told.completion_tokens).toBe(1_000);
    await settledAs({ input: told.prompt_tokens, output: 1_000 });
    expect(await logged()).not.toContain('impossibleUsage');
  });

  test('tells its caller what is booked of what its provider has said, and the log that it was not believed', async () => {
    const so = { prompt_tokens: 5_000, completion_tokens: 7_000 };
    const told = await cutAfter(piece(many), chunk({ choices: [{ index: 0, delta: { content: 'a' } }], usage: so }));
    expect(told).toEqual({ prompt_tokens: 1_000, completion_tokens: 1_000, total_tokens: 2_000 });
    await settledAs({ input: 1_000, output: 1_000 });
    expect(await logged()).toContain('"impossibleUsage":true');
  });

  test('counts as what its provider has said before, and the bytes that came since', async () => {
    const so = { prompt_tokens: 20, completion_tokens: 300 };
    const told = await cutAfter(chunk({ choices: [{ index: 0, delta: { content: many } }], usage: so }), piece('word'));
    expect(told).toEqual({ prompt_tokens: 20, completion_tokens: 304, total_tokens: 324 });
    await settledAs({ input: 20, output: 304 });
    expect(await logged()).not.toContain('impossibleUsage');
  });
});

describe('where nothing is reported', () => {
  const picture = { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] };
  const leave = async (answering: Promise<Response>, leaving: AbortController) => {
    await vi.waitFor(() => expect(provider.asked).toHaveLength(1));
    leaving.abort();
    await expect(answering.then((answer) => answer.text())).rejects.toThrow();
  };

  test.each([500, 504, 408])('an error with status %i is billed for all that was reserved for the input', async (status) => {
    provider.answer = failure(status, '<html>');
    expect((await chat()).status).toBe(502);
    await vi.waitFor(async () => expect((await booked()).input).toBeGreaterThan(512), 3_000);
  });

  test('a stream with a picture that is left is billed for all that fits into the model', async () => {
    provider.answer = (response) => void beginStream(response).write(piece('one'));
    const leaving = new AbortController();
    await leave(chat({ stream: true, messages: [picture] }, {}, leaving.signal), leaving);
    await settledAs({ input: 128_000 });
  });

  test('a whole answer that nobody waits for is billed as if it had been made', async () => {
    provider.answer = () => undefined;
    const leaving = new AbortController();
    await leave(chat({ max_tokens: 700 }, {}, leaving.signal), leaving);
    await settledAs({ output: 700 });
  });
});

describe('usage', () => {
  test('beyond all that the model can take in and give is not believed, and the log says so', async () => {
    offer({ models: [model('m1', { contextWindow: 10_000 })] });
    provider.answer = completion('x', 1e15, 1e15);
    expect((await chat()).status).toBe(200);
    expect(await logged()).toContain('"impossibleUsage":true');
    await settled({ reserved: 0 });
    const usage = 'select input_tokens::int, output_tokens::int from cloister_egress.usage where tenant = $1';
    expect(await egress.sql.query(usage, [running.tenant])).toEqual([{ input_tokens: 10_000, output_tokens: 10_000 }]);
  });

  test.each([
    ['negative', { prompt_tokens: -5, completion_tokens: 5 }],
    ['missing', undefined],
    ['nothing at all', { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }],
  ])('that is %s does not make a call free', async (_, usage) => {
    provider.answer = streamed(piece('one two three four'), stopChunk, chunk({ choices: [], usage }), endMark);
    await (await chat({ stream: true })).text();
    await settled({ reserved: 0 });
    expect((await egress.standing(running.tenant)).tokens).toBeGreaterThan(4);
  });

  test('that is told twice counts once, as it was told last', async () => {
    provider.answer = streamed(piece('one'), stopChunk, usageChunk(10, 5), usageChunk(100, 50), endMark);
    await (await chat({ stream: true })).text();
    await settled({ reserved: 0, settled: 200 });
  });

  test('that Anthropic leaves out or spoils takes nothing from the answer, and does not make it free', async () => {
    offer({ type: 'Anthropic' });
    const start = anthropic.start().replace('"input_tokens":10', '"input_tokens":-1');
    provider.answer = anthropic.streamedEvents(start, anthropic.textStart(), anthropic.text('Hello'), anthropic.stop(), anthropic.end());
    expect(await (await chat({ stream: true })).text()).toMatch(/Hello[^]*"finish_reason":"stop"[^]*data: \[DONE\]\n\n$/);
    await settled({ reserved: 0 });
    expect((await egress.standing(running.tenant)).tokens).toBeGreaterThan(5);
  });
});

test('a request that is nested too deeply to be written again is refused, and costs nothing', async () => {
  const deep = `${'{"0":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
  const body = `{"model":"${running.tenant}/m1","messages":[{"role":"user","content":${deep}}]}`;
  const { status, code, message } = await refusalOf(await fetch(`${egress.url}/v1/chat/completions`, { ...ask(running.token, {}), body }));
  expect([status, code]).toEqual([400, 'provider_rejected']);
  expect(message).toMatch(/nested too deeply/);
  expect(provider.asked).toEqual([]);
  await settled({ settled: 0, reserved: 0 });
});

test('output counts however deep it is nested', async () => {
  provider.answer = streamed(
    `data: {"choices":[{"index":0,"delta":${'['.repeat(50_000)}"${'word '.repeat(500)}"${']'.repeat(50_000)}}]}\n\n`,
    stopChunk,
    endMark,
  );
  expect((await (await chat({ stream: true })).text()).endsWith(endMark)).toBe(true);
  await settled({ reserved: 0 });
  expect((await egress.standing(running.tenant)).tokens).toBeGreaterThan(400);
});
