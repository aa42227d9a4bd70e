import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { isObject } from '../../chat/chunk.ts';
import type { ProviderCall } from '../provider.ts';
import { offline } from './offline.ts';

const callOf = (body: object, changes: Partial<ProviderCall> = {}): ProviderCall => ({
  provider: { name: 'offline', type: 'Offline', timeoutSeconds: 10, models: [] },
  credential: undefined,
  body: { model: 'echo', ...body },
  stream: false,
  requestId: 'r1',
  signal: new AbortController().signal,
  ...changes,
});
const user = (content: unknown) => ({ role: 'user', content });
const tools = [{ type: 'function', function: { name: 'get_weather' } }];

const answer = z.object({
  choices: z.array(z.object({ message: z.looseObject({ content: z.string().nullable() }), finish_reason: z.string() })),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }),
});
async function ask(body: object) {
  const given = await offline.chat(callOf(body));
  if (given.kind !== 'whole') throw new Error('expected a whole answer');
  const { choices, usage } = answer.parse(JSON.parse(given.text));
  return { ...choices[0], usage, text: choices[0]?.message.content ?? '' };
}
async function stream(body: object, changes: Partial<ProviderCall> = {}) {
  const given = await offline.chat(callOf(body, { stream: true, ...changes }));
  if (given.kind !== 'stream') throw new Error('expected a stream');
  const said: string[] = [];
  for await (const batch of given.events) said.push(...batch.map(({ data }) => data));
  return said;
}

describe('the offline model', () => {
  test('says what it is, what it was told, what was asked and how much came before', async () => {
    const { text } = await ask({
      messages: [
        { role: 'system', content: `Be kind. ${'x'.repeat(300)}` },
        user('One'),
        { role: 'assistant', content: 'Two' },
        user('Three?'),
      ],
    });
    expect(text).toContain("Cloister's offline model, no real one");
    expect(text).toContain(`"Be kind. ${'x'.repeat(191)}"`);
    expect(text).toContain('"Three?"');
    expect(text).toContain('Earlier messages: 2');
  });

  test('answers the same request the same way', async () => {
    const body = { messages: [user('Hi')] };
    expect(await offline.chat(callOf(body))).toEqual(await offline.chat(callOf(body)));
  });

  test.each([1, 7, 500])('says %i words when asked to', async (count) => {
    const { text, usage } = await ask({ messages: [user(`please say ${count} words`)] });
    expect(text.split(' ')).toHaveLength(count);
    expect(usage.completion_tokens).toBe(count);
  });

  test('never says more than it may, and says so', async () => {
    const given = await ask({ messages: [user('say 1000000 words')], max_tokens: 10 });
    expect([given.text.split(' ').length, given.finish_reason]).toEqual([10, 'length']);
  });

  test('reads content that comes in parts', async () => {
    const parts = [
      { type: 'text', text: 'say 3' },
      { type: 'text', text: 'words' },
    ];
    expect((await ask({ messages: [user(parts)] })).text).toBe('word1 word2 word3');
  });

  test('calls a tool that the request offers, and reports what it answered', async () => {
    const question = user('call tool get_weather with {"city":"Rome"}');
    const given = await ask({ messages: [question], tools });
    expect(given).toMatchObject({
      finish_reason: 'tool_calls',
      message: { content: null, tool_calls: [{ type: 'function', function: { name: 'get_weather', arguments: '{"city":"Rome"}' } }] },
    });
    const after = await ask({ messages: [question, { role: 'assistant', ...given.message }, { role: 'tool', content: 'sunny' }], tools });
    expect(after.text).toBe('The tool answered: sunny');
  });

  test('does not call a tool that nobody offered', async () => {
    expect((await ask({ messages: [user('call tool rm with {}')], tools })).finish_reason).toBe('stop');
  });

  test.each([429, 500, 401])('fails with %i when asked to', async (status) => {
    await expect(offline.chat(callOf({ messages: [user(`fail with ${status}`)] }))).rejects.toMatchObject({ status });
  });

  test('refuses what is no conversation', async () => {
    await expect(offline.chat(callOf({ messages: 'Hi' }))).rejects.toMatchObject({ status: 400, param: 'messages' });
  });
});

describe('a stream of the offline model', () => {
  test('says the same as the whole answer, in the same number of tokens', async () => {
    const body = { messages: [user('say 5 words')] };
    const events = await stream(body);
    expect(events.at(-1)).toBe('[DONE]');
    const delta = z.object({ choices: z.array(z.object({ delta: z.object({ content: z.string().optional() }) })) });
    const text = events.slice(0, -2).map((data) => delta.parse(JSON.parse(data)).choices[0]?.delta.content ?? '');
    expect(text.join('')).toBe((await ask(body)).text);
    const usage: unknown = JSON.parse(events.at(-2) ?? '');
    expect(isObject(usage) && usage['usage']).toMatchObject((await ask(body)).usage);
  });

  test('goes slowly when asked to: 50 ms from word to word', async () => {
    const started = performance.now();
    await stream({ messages: [user('slowly say 4 words')] });
    expect(performance.now() - started).toBeGreaterThan(190);
  });

  test('ends when its caller leaves', async () => {
    const leave = new AbortController();
    setTimeout(() => leave.abort(), 60);
    await expect(stream({ messages: [user('slowly say 100 words')] }, { signal: leave.signal })).rejects.toThrow(/abort/i);
  });
});
