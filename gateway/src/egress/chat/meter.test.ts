import { expect, test } from 'vitest';
import { Meter } from './meter.ts';

const bounds = { inputTokens: 1000, outputTokens: 1000 };
const started = 0;

/** What is used after these pieces, half a second after the start, which counts 50 tokens where nothing else is known. */
function usedAfter(...chunks: readonly object[]) {
  const meter = new Meter({ model: 'p/m', messages: [{ role: 'user', content: 'Hi' }] }, bounds, started);
  for (const chunk of chunks) meter.read(JSON.stringify(chunk));
  return meter.used(500);
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

test('what is reported on the way is the least of what is used', async () => {
  expect(await usedAfter(piece(usage(10, 1)))).toEqual({ inputTokens: 10, outputTokens: 50 });
  expect(await usedAfter(piece(usage(10, 1)), piece(usage(10, 300)))).toEqual({ inputTokens: 10, outputTokens: 300 });
  expect(await usedAfter(piece(usage(10, 5000)))).toEqual({ inputTokens: 10, outputTokens: 1000 });
});

test('what is reported before more output comes was on the way, whatever it looked like', async () => {
  const told = { inputTokens: 10, outputTokens: 50 };
  expect(await usedAfter(piece(usage(10, 5), 'stop'), piece())).toEqual(told); // one of several choices ended
  expect(await usedAfter(piece(usage(10, 5), 'stop'), piece(undefined, 'stop'))).toEqual(told); // as if each piece were the last
  expect(await usedAfter(piece(undefined, 'stop'), piece(usage(10, 5)))).toEqual(told);
  expect(await usedAfter({ choices: [], usage: usage(10, 5) }, piece())).toEqual(told);
  expect(await usedAfter(piece(usage(10, 5), 'stop'), piece(usage(10, 9), 'stop'))).toEqual({ inputTokens: 10, outputTokens: 9 });
});

test('a report without any output is none', async () => {
  expect(await usedAfter({ choices: [], usage: { prompt_tokens: 10 } })).toMatchObject({ outputTokens: 50 });
  expect(await usedAfter({ choices: [], usage: { ...usage(10, 0), total_tokens: null } })).toEqual({ inputTokens: 10, outputTokens: 0 });
});

test('what a total has beyond the input is output', async () => {
  const of = (total_tokens: number) => usedAfter({ choices: [], usage: { ...usage(10, 5), total_tokens } });
  expect(await of(15)).toEqual({ inputTokens: 10, outputTokens: 5 });
  expect(await of(55)).toEqual({ inputTokens: 10, outputTokens: 45, reasoningTokens: 40 });
  expect(await of(0)).toEqual({ inputTokens: 10, outputTokens: 5 });
  expect(await usedAfter({ choices: [], usage: { prompt_tokens: 10, total_tokens: 50 } })).toEqual({ inputTokens: 10, outputTokens: 40 });
});
