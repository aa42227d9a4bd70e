import type { Readable } from 'node:stream';

/** The bytes of a stream as they arrive. Leaving the loop early destroys the stream; throws when the stream breaks. */
export async function* chunksOf(stream: Readable): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of stream) {
    const bytes: unknown = chunk;
    if (!Buffer.isBuffer(bytes)) throw new TypeError('expected a stream of bytes');
    yield bytes;
  }
}

/** The whole of a stream; with a limit in bytes, hardly more than that, and the rest is never fetched. */
export async function readAll(stream: Readable, limit = Infinity): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const bytes of chunksOf(stream)) {
    chunks.push(bytes);
    length += bytes.byteLength;
    if (length >= limit) break;
  }
  return Buffer.concat(chunks);
}
