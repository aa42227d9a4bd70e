import { expect, test } from 'vitest';
import { mostInput, parseEmbeddingsRequest } from './request.ts';
import { inputTokensIn } from './usage.ts';

const mostOf = (input: unknown, contextWindow = 8192) =>
  mostInput(parseEmbeddingsRequest(Buffer.from(JSON.stringify({ model: 'p/m', input }))), contextWindow);

test('a text is bounded by its bytes and the marks around it, and by what the model takes', () => {
  expect(mostOf('abc')).toBe(3 + 16);
  expect(mostOf('ä')).toBe(2 + 16);
  expect(mostOf('x'.repeat(500), 100)).toBe(100);
});

test('a text that grows in normal form is bounded by the longer form', () => {
  expect(mostOf('\u{FDFA}')).toBe(Buffer.byteLength('\u{FDFA}'.normalize('NFKC')) + 16);
  expect(mostOf('\u{FDFA}')).toBeGreaterThan(3 + 16);
});

test('each text of a list is bounded by itself, and tokens are counted', () => {
  expect(mostOf(['abc', 'x'.repeat(500)], 100)).toBe(19 + 100);
  expect(mostOf([5, 6, 7])).toBe(3 + 16);
  expect(mostOf([[5, 6], [7]])).toBe(2 + 16 + 1 + 16);
});

test('a list has no more texts than can be looked at without holding up others', () => {
  expect(mostOf(new Array(2048).fill('a'))).toBe(2048 * 17);
  expect(() => mostOf(new Array(2049).fill('a'))).toThrow(/of 2048 texts at most/);
  expect(mostOf(new Array(5000).fill(1))).toBe(5016);
});

test('usage is found at the end or elsewhere, with objects in it or not, and where only a total is told', () => {
  expect(inputTokensIn('{"data":[],"usage":{"prompt_tokens":3,"total_tokens":3}}')).toBe(3);
  expect(inputTokensIn('{"usage":{"prompt_tokens_details":{"a":1},"prompt_tokens":4},"data":[{"embedding":[1]}]}')).toBe(4);
  expect(inputTokensIn('{"data":[{"embedding":"AAAA"}], "usage" : {"total_tokens":5}}')).toBe(5);
});

test.each(['{"data":[]}', '{"usage":null}', '{"usage":{"prompt_tokens":0}}', '{"usage":{"prompt_tokens":"3"}}', '{"usage":{'])(
  'no usage is found in %s',
  (text) => {
    expect(inputTokensIn(text)).toBeUndefined();
  },
);
