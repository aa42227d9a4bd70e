/** Streams of any provider, cut into pieces anywhere. */
import fc from 'fast-check';
import { createServer } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { portOf } from '../../../server/serve.ts';
import { BrokenAnswer, type StreamEvent } from '../provider.ts';
import { openAICompatible } from './openai.ts';

const line = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('data', 'event', 'id', 'retry', '', 'other', ' data'),
      fc.constantFrom(':', ': ', ''),
      fc.string({ unit: 'binary', maxLength: 30 }),
    )
    .map((parts) => parts.join('')),
  fc.constantFrom('', '', 'data: [DONE]', 'data: {"choices":[]}', 'data: Grüße ☂ 🙂'),
);
const stream = fc
  .array(fc.tuple(line, fc.constantFrom('\n', '\n', '\n', '\r\n', '\r')), { maxLength: 30 })
  .map((lines) => Buffer.from(lines.flat().join('')));

/** What a provider is understood to have said that sends these pieces. */
async function eventsOf(pieces: readonly Buffer[]): Promise<StreamEvent[]> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    void (async () => {
      for (const piece of pieces) {
        response.write(piece);
        await turn();
      }
      response.end();
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = openAICompatible();
  try {
    const provider = {
      name: 'p',
      type: 'OpenAICompatible' as const,
      baseURL: `http://127.0.0.1:${portOf(server)}`,
      timeoutSeconds: 10,
      models: [],
    };
    const answer = await client.chat({
      provider,
      credential: undefined,
      body: {},
      stream: true,
      requestId: 'r',
      signal: AbortSignal.timeout(10_000),
    });
    if (answer.kind !== 'stream') return expect.fail('no stream');
    const events: StreamEvent[] = [];
    for await (const batch of answer.events) events.push(...batch);
    return events;
  } finally {
    await client.close();
    server.close();
  }
}
const cutAt = (bytes: Buffer, cuts: readonly number[]): Buffer[] => {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((one, other) => one - other), bytes.length];
  return places.slice(1).map((end, at) => bytes.subarray(places[at], end));
};

test('it does not matter where a stream is cut, in the middle of a letter or of an end of line', async () => {
  await fc.assert(
    fc.asyncProperty(stream, fc.array(fc.nat(), { maxLength: 8 }), async (bytes, cuts) => {
      expect(await eventsOf(cutAt(bytes, cuts))).toEqual(await eventsOf([bytes]));
    }),
  );
});

test('an event without end is given up, and no more of it is kept than a picture may need', async () => {
  const piece = Buffer.alloc(256 * 1024, 'x');
  await expect(eventsOf([Buffer.from('data: '), ...Array.from({ length: 64 }, () => piece)])).rejects.toThrow(BrokenAnswer);
  const lines = Buffer.from(`data: ${'x'.repeat(100_000)}\n`);
  await expect(eventsOf(Array.from({ length: 100 }, () => lines))).rejects.toThrow(/longer than 8388608/);
});
