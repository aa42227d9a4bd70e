/** Everything that a provider may do instead of answering as it should, in any combination. */
import fc from 'fast-check';
import * as anthropic from './anthropic/messages-api.double.ts';
import { chunk, endMark, piece, stopChunk } from './provider.double.ts';
import type { Script } from './unruly-provider.double.ts';

/** Counts as a liar or a broken server has them: too small, negative, absurd, no numbers. JSON knows no infinity. */
const count = fc.oneof(
  fc.nat({ max: 2_000 }),
  fc.constantFrom<unknown>(0, -1, 1.5, 1e12, Number.MAX_SAFE_INTEGER, 1e300, null, '12', true, {}, [], undefined),
);
const usage = fc.oneof(
  fc.record({ prompt_tokens: count, completion_tokens: count, total_tokens: count }, { requiredKeys: [] }),
  fc.record({ input_tokens: count, output_tokens: count, cache_read_input_tokens: count }, { requiredKeys: [] }),
  fc.constantFrom<unknown>(undefined, null, 7, 'much', []),
);
const words = fc.oneof(fc.string({ maxLength: 40 }), fc.constantFrom('', 'Grüße ☂', '\u0000', '\n\ndata: [DONE]\n\n', '<|endoftext|>'));
const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

const wholes = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(words, usage).map(([content, used]) => completionOf(content, used)) },
  {
    weight: 2,
    arbitrary: fc.tuple(words, usage).map(([text, used]) => JSON.stringify({ ...message, content: [{ type: 'text', text }], usage: used })),
  },
  { weight: 1, arbitrary: usage.map((used) => JSON.stringify({ object: 'list', data: [{ index: 0, embedding: [0.5] }], usage: used })) },
  { weight: 2, arbitrary: fc.json() },
  fc.constantFrom(
    '<html><body>Bad Gateway</body></html>',
    '{"error":{"message":"overloaded","type":"server_error"}}',
    '{"error":null}',
    '[{"error":{"message":"as Google words it"}}]',
    '{"choices":null}',
    '{"choices":[null,7,{"delta":7},{"message":null}]}',
    `{"choices":[{"index":0,"message":${deep(20_000)},"finish_reason":"stop"}]}`,
    `{"choices":[],"usage":${deep(20_000)}}`,
    'x'.repeat(100_000),
  ),
);
const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-real', stop_reason: 'end_turn' };
const completionOf = (content: string, used: unknown) =>
  JSON.stringify({
    id: 'c1',
    object: 'chat.completion',
    choices: [{ index: 0, message: { content }, finish_reason: 'stop' }],
    usage: used,
  });

const events = fc.oneof(
  { weight: 4, arbitrary: words.map(piece) },
  { weight: 2, arbitrary: usage.map((used) => chunk({ choices: [], usage: used })) },
  {
    weight: 1,
    arbitrary: usage.map((used) => chunk({ choices: [{ index: 0, delta: { content: 'so far' }, finish_reason: null }], usage: used })),
  },
  { weight: 3, arbitrary: fc.constantFrom(stopChunk, endMark) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      anthropic.start(),
      anthropic.textStart(),
      anthropic.text('Hello'),
      anthropic.end(),
      anthropic.error('overloaded_error'),
    ),
  },
  fc.constantFrom(
    ': a comment\n\n',
    'data: {"choices":[{"index":0,"delta":{"content":"half a l',
    'data: not JSON\n\n',
    'data: 7\n\n',
    'data:\n\n',
    'event: error\ndata: {"error":{"message":"in its own words","code":"overloaded"}}\n\n',
    'event: a\nevent: b\r\nid: 1\rretry: x\n\n',
    `data: {"choices":[{"index":0,"delta":${deep(20_000)},"finish_reason":null}]}\n\n`,
    `data: ${'x'.repeat(200_000)}`,
    '\ufeffdata: {"choices":[]}\n\n',
  ),
);

const noise = fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.constant(new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xde, 0xad])));
const pieces = fc.oneof(
  { weight: 4, arbitrary: fc.array(events, { maxLength: 8 }) },
  { weight: 3, arbitrary: wholes.map((whole) => [whole]) },
  { weight: 1, arbitrary: fc.array(fc.oneof(events, wholes, noise), { maxLength: 4 }) },
);
const bytesOf = (part: string | Uint8Array): Buffer => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part));

const status = fc.oneof(
  { weight: 8, arbitrary: fc.constant(200) },
  fc.constantFrom(100, 201, 204, 304, 307, 400, 401, 403, 404, 408, 413, 418, 429, 500, 502, 503, 529, 999),
);
interface Head {
  readonly status: number;
  readonly type: string;
  readonly framing: 'chunked' | 'until closed' | 'exact' | 'too short' | 'too long';
  /** Further headers, a line each. */
  readonly more: string;
}
const head: fc.Arbitrary<Head> = fc.record({
  status,
  type: fc.constantFrom('text/event-stream', 'text/event-stream', 'application/json', 'application/json', 'text/html', ''),
  framing: fc.constantFrom<Head['framing']>('chunked', 'chunked', 'until closed', 'exact', 'too short', 'too long'),
  more: fc.constantFrom(
    '',
    '',
    'Content-Encoding: gzip\r\n',
    'Retry-After: soon\r\n',
    'Retry-After: -5\r\n',
    'Retry-After: 1e9\r\n',
    'X-Own: a\0b\r\n',
    `X-Own: ${'x'.repeat(40_000)}\r\n`,
  ),
});

/** Of an answer with these bytes: with a head before them and, where it is chunked, a frame around each piece. */
function answer({ status: code, type, framing, more }: Head, body: readonly Buffer[]): Buffer[] {
  const size = body.reduce((sum, { length }) => sum + length, 0);
  const lengths = { exact: size, 'too short': Math.max(0, size - 5), 'too long': size + 5 };
  const framed =
    framing === 'chunked'
      ? 'Transfer-Encoding: chunked\r\n'
      : framing === 'until closed'
        ? 'Connection: close\r\n'
        : `Content-Length: ${lengths[framing]}\r\n`;
  const first = Buffer.from(`HTTP/1.1 ${code} Some\r\n${type === '' ? '' : `Content-Type: ${type}\r\n`}${framed}${more}\r\n`, 'latin1');
  const frames = body.map((piece) => Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]));
  return framing === 'chunked'
    ? [first, ...frames.filter((_, at) => (body[at]?.length ?? 0) > 0), Buffer.from('0\r\n\r\n')]
    : [first, ...body];
}

const decent = (type: string) =>
  fc.record({
    status: fc.constant(200),
    type: fc.constant(type),
    framing: fc.constantFrom<Head['framing']>('chunked', 'until closed', 'exact'),
    more: fc.constant(''),
  });
/** Every second one looks like an answer from its head. */
const whole = fc
  .oneof(
    { weight: 4, arbitrary: fc.tuple(decent('text/event-stream'), fc.array(events, { maxLength: 8 })) },
    {
      weight: 2,
      arbitrary: fc.tuple(
        decent('application/json'),
        wholes.map((one) => [one]),
      ),
    },
    { weight: 5, arbitrary: fc.tuple(head, pieces) },
  )
  .map(([first, parts]) => answer(first, parts.map(bytesOf)));
const ending: fc.Arbitrary<Script['ending']> = fc.constantFrom('close', 'close', 'close', 'close', 'reset', 'hang', 'hang', 'endless');

/** A whole answer, one that ends or breaks off anywhere between two of its bytes, or no HTTP at all. */
export const unrulyScript: fc.Arbitrary<Script> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ pieces: whole, ending }) },
  {
    weight: 3,
    arbitrary: fc.tuple(whole, fc.nat(), ending).map(([parts, cut, end]) => {
      const all = Buffer.concat(parts);
      return { pieces: [all.subarray(0, all.length === 0 ? 0 : cut % all.length)], ending: end };
    }),
  },
  { weight: 1, arbitrary: fc.record({ pieces: fc.array(noise.map(bytesOf), { maxLength: 3 }), ending }) },
);
