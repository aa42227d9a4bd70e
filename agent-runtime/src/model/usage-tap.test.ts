import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tokensIn, UsageTap } from './usage-tap.ts';

const chunk = (content: string) => `data: ${JSON.stringify({ choices: [{ delta: { content } }], usage: null })}\n\n`;
const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };
const usageChunk = `data: ${JSON.stringify({ choices: [], usage })}\n\n`;
const end = 'data: [DONE]\n\n';

/** What comes out of a stream that comes in these pieces. */
function passed(pieces: readonly Buffer[], keep: boolean) {
  const tap = new UsageTap({ keep });
  const out = Buffer.concat([...pieces.map((piece) => tap.take(piece)), tap.rest]);
  return { text: out.toString('utf8'), tokens: tap.tokens };
}

/** Cuts between any two bytes, also within a character. */
const cutAnywhere = (text: string) =>
  fc.array(fc.nat(Buffer.byteLength(text)), { maxLength: 8 }).map((cuts) => {
    const bytes = Buffer.from(text);
    const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
    return at.slice(1).map((to, index) => bytes.subarray(at[index], to));
  });

test('usage is read, and its chunk is there exactly where it was asked for, however the stream is cut into pieces', () => {
  const before = ['Hé', 'llo "usage":{"prompt_tokens":1}', ' 🙂\n\n'].map(chunk).join('');
  fc.assert(
    fc.property(cutAnywhere(before + usageChunk + end), (pieces) => {
      expect(passed(pieces, true)).toEqual({ text: before + usageChunk + end, tokens: 7 });
      expect(passed(pieces, false)).toEqual({ text: before + end, tokens: 7 });
    }),
  );
});

test('an event goes out as soon as it is whole', () => {
  const tap = new UsageTap({ keep: false });
  expect(tap.take(Buffer.from(chunk('a'))).toString()).toBe(chunk('a'));
  expect(tap.take(Buffer.from(`${chunk('b')}data: {"half`)).toString()).toBe(chunk('b'));
});

test('usage beside a choice is read, and its chunk passes: it is part of the answer', () => {
  const last = `data: ${JSON.stringify({ choices: [{ delta: {}, finish_reason: 'stop' }], usage })}\n\n`;
  expect(passed([Buffer.from(last)], false)).toEqual({ text: last, tokens: 7 });
});

test('a stream without usage passes as it is', () => {
  const text = `${chunk('a')}: comment\n\ndata: {"usage": {"prompt_tokens": "many"}}\n\n${end}`;
  expect(passed([Buffer.from(text)], false)).toEqual({ text, tokens: undefined });
});

test.each([
  ['a completion', JSON.stringify({ choices: [{}], usage }), { tokens: 7, alone: false }],
  ['a completion whose reasoning is in the total alone', '{"usage":{"prompt_tokens":5,"total_tokens":45}}', { tokens: 45, alone: false }],
  [
    'a completion with half a usage',
    '{"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":null}}',
    { tokens: 7, alone: false },
  ],
  ['an error', '{"error":{}}', undefined],
  ['no JSON', 'oops', undefined],
])('of %s', (_, text, expected) => {
  expect(tokensIn(text)).toEqual(expected);
});
