import type { Readable } from 'node:stream';

/** The bytes of a stream as they arrive. Leaving the loop early destroys the stream; throws when the stream breaks. */
export async function* chunksOf(stream: Readable): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of stream) {
    const bytes: unknown = chunk;
    if (!Buffer.isBuffer(bytes)) throw new TypeError('expected a stream of bytes');
    yield bytes;
  }
}

/** The whole of a stream; with a limit in bytes, hardly more than that, and the rest is never fetched. Rejects when the stream breaks. */
export function readAll(stream: Readable, limit = Infinity): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    stream
      .on('data', (bytes: Buffer) => {
        chunks.push(bytes);
        length += bytes.byteLength;
        if (length < limit) return;
        resolve(Buffer.concat(chunks));
        stream.destroy();
      })
      .once('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
      .once('error', reject)
      .once('close', () => reject(new Error('the stream has ended early'))); // which is no news after its end
  });
}
