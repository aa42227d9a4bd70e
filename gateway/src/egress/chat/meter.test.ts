import { describe, expect, test } from 'vitest';
import { Meter } from './meter.ts';

const bounds = { inputTokens: 1000, outputTokens: 1000 };
const possible = { inputTokens: 8000, outputTokens: 8000 };
const started = 0;
/** For half a second in which nothing came. */
const hidden = 250;

const meterOf = (fields: object = {}) =>
  new Meter({ model: 'p/m', messages: [{ role: 'user', content: 'Hi' }], stream: true, ...fields }, { ...bounds, possible }, started);

/** What is used after these pieces, which come at once, and half a second more. */
async function usedAfter(...chunks: readonly object[]) {
  const meter = meterOf();
  for (const chunk of chunks) meter.read(JSON.stringify(chunk), started);
  const { inputUntold: _untold, ...used } = await meter.used(false, 500);
  return used;
}
const piece = (usage?: object, finish_reason: string | null = null, content = 'a') => ({
  choices: [{ index: 0, delta: { content }, finish_reason }],
  ...(usage ? { usage } : {}),
});
const usage = (prompt_tokens: number, completion_tokens: number) => ({ prompt_tokens, completion_tokens });

test('what is reported beside no choice, at the end of one, or after it, is for the whole call', async () => {
  const told = { inputTokens: 10, outputTokens: 5 };
  expect(await usedAfter(piece(), { choices: [], usage: usage(10, 5) })).toEqual(told);
  expect(await usedAfter(piece(), piece(usage(10, 5), 'stop'))).toEqual(told);
  expect(await usedAfter(piece(undefined, 'stop'), piece(usage(10, 5), null, ''))).toEqual(told);
  expect(await usedAfter({ choices: [{ message: { content: 'a' } }], usage: usage(10, 5) })).toEqual(told);
});

test('what is reported on the way is the least of what is used, whatever was reserved', async () => {
  expect(await usedAfter(piece(usage(10, 1)))).toEqual({ inputTokens: 10, outputTokens: 1 + hidden });
  expect(await usedAfter(piece(usage(10, 1)), piece(usage(10, 300)))).toEqual({ inputTokens: 10, outputTokens: 300 + hidden });
  expect(await usedAfter(piece(usage(10, 300)), piece(undefined, null, 'word'))).toEqual({ inputTokens: 10, outputTokens: 304 + hidden });
  expect(await usedAfter(piece(usage(10, 5000)))).toEqual({ inputTokens: 10, outputTokens: 5000 });
  expect((await usedAfter(piece(usage(10, 1), null, ' word'.repeat(600)))).outputTokens).toBeGreaterThanOrEqual(600);
});

test('what is reported before more output comes was on the way, whatever it looked like', async () => {
  const told = { inputTokens: 10, outputTokens: 5 + 1 + hidden };
  const within = { inputTokens: 10, outputTokens: 5 + hidden };
  expect(await usedAfter(piece(usage(10, 5), 'stop'), piece())).toEqual(told); // one of several choices ended
  expect(await usedAfter(piece(usage(10, 5), 'stop'), piece(undefined, 'stop'))).toEqual(told); // as if each piece were the last
  expect(await usedAfter(piece(undefined, 'stop'), piece(usage(10, 5)))).toEqual(within);
  expect(await usedAfter({ choices: [], usage: usage(10, 5) }, piece())).toEqual(told);
  expect(await usedAfter(piece(usage(10, 5), 'stop'), piece(usage(10, 9), 'stop'))).toEqual({ inputTokens: 10, outputTokens: 9 });
});

describe('where nothing is reported', () => {
  test('all that was reserved for the input counts, and each byte of the output', async () => {
    expect(await usedAfter(piece(undefined, null, 'Grüße'))).toEqual({ inputTokens: 1000, outputTokens: 7 + hidden });
    expect(await usedAfter({ ...piece(), usage: usage(0, 1) })).toMatchObject({ inputTokens: 1000 });
  });

  test('each second in which nothing came counts, for each choice, and a moment in which something may be under way', async () => {
    const meter = meterOf({ n: 2 });
    meter.read(JSON.stringify(piece()), 400);
    meter.read(JSON.stringify(piece(undefined, null, '')), 450);
    meter.read(JSON.stringify(piece()), 500);
    expect(await meter.used(false, 500)).toMatchObject({ outputTokens: 2 + 2 * 0.5 * (400 + 250) });
    expect(await meterOf().used(false, 60_000)).toMatchObject({ outputTokens: 1000 });
  });

  test('what was delivered counts no more than was reserved, unless a tokenizer makes more of it as well', async () => {
    const after = async (text: string) => (await usedAfter(piece(undefined, null, text))).outputTokens;
    expect(await after(' word'.repeat(900))).toBe(1000);
    expect(await after(' word'.repeat(1100))).toBe(1100);
    expect(await after(' word'.repeat(1300)), 'it ignores the maximum').toBe(5 * 1300);
  });

  test('no more counts than is possible, but for what the provider itself has said', async () => {
    const text = ' word'.repeat(1700);
    expect((await usedAfter(piece(undefined, null, text))).outputTokens, 'more bytes than the model can say').toBe(8000);
    expect((await usedAfter(piece(usage(10, 7990)), piece(undefined, null, text))).outputTokens).toBe(8000);
    expect(await usedAfter(piece(usage(9000, 8500)), piece(undefined, null, text))).toEqual({ inputTokens: 9000, outputTokens: 8500 });
    expect(await usedAfter({ choices: [], usage: usage(9000, 8500) })).toEqual({ inputTokens: 9000, outputTokens: 8500 });
  });

  test('any price of the input may be due, until the provider has told how much of it went to its cache', async () => {
    const after = async (...chunks: readonly object[]) => {
      const meter = meterOf();
      for (const chunk of chunks) meter.read(JSON.stringify(chunk), started);
      return await meter.used(false, 500);
    };
    const parts = { prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 6 } };
    const told = { ...usage(10, 5), ...parts };
    expect(await after(piece())).toMatchObject({ inputTokens: 1000, inputUntold: true });
    expect(await after(piece(usage(10, 1)))).toMatchObject({ inputTokens: 10, inputUntold: true });
    expect(await after(piece(told))).toMatchObject({ inputTokens: 10, cachedTokens: 4, cacheWriteTokens: 6, inputUntold: false });
    expect(await after(piece(), { choices: [], usage: told })).toMatchObject({ cachedTokens: 4, cacheWriteTokens: 6 });
    expect((await after(piece(), { choices: [], usage: usage(10, 5) })).inputUntold).toBeUndefined();
  });

  test('a whole answer that never came may have been made, unless an error came in its place', async () => {
    expect(await meterOf({ stream: false }).used(false, 0)).toMatchObject(bounds);
    expect(await meterOf({ stream: false }).used(true, 0)).toMatchObject({ inputTokens: 1000, outputTokens: 125 });
  });
});

test('a report without any output is none', async () => {
  expect(await usedAfter({ choices: [], usage: { prompt_tokens: 10 } })).toMatchObject({ outputTokens: hidden });
  expect(await usedAfter({ choices: [], usage: { ...usage(10, 0), total_tokens: null } })).toEqual({ inputTokens: 10, outputTokens: 0 });
});

test('what a total has beyond the input is output', async () => {
  const of = (total_tokens: number) => usedAfter({ choices: [], usage: { ...usage(10, 5), total_tokens } });
  expect(await of(15)).toEqual({ inputTokens: 10, outputTokens: 5 });
  expect(await of(55)).toEqual({ inputTokens: 10, outputTokens: 45, reasoningTokens: 40 });
  expect(await of(0)).toEqual({ inputTokens: 10, outputTokens: 5 });
  expect(await usedAfter({ choices: [], usage: { prompt_tokens: 10, total_tokens: 50 } })).toEqual({ inputTokens: 10, outputTokens: 40 });
});
