import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { fail } from '../errors.ts';
import { declaredLength, readBody } from '../../server/read-body.ts';

/** The body of a request on its way to an agent. */
export interface Body {
  /** In bytes; undefined for one that comes in chunks. */
  readonly length: number | undefined;
  /** Bytes that were read of it until now. */
  readonly read: number;
  /** May be called again as long as nothing was read. */
  open(): Readable | Buffer | null;
}

/** Bodies up to this size are read before they are passed on: cheaper than streaming, and an agent never waits for a slow caller. */
const smallBody = 64 * 1024;

export const wholeBody = (bytes: Buffer): Body => ({
  length: bytes.length,
  read: bytes.length,
  open: () => (bytes.length > 0 ? bytes : null),
});

/** Reads a small body, or wraps a large one without reading it. Rejects with `request_too_large` where the length says so already. */
export async function bodyOf(request: IncomingMessage, limit: number): Promise<Body> {
  const length = declaredLength(request);
  if (length !== undefined && (length <= smallBody || length > limit)) return wholeBody(await readBody(request, limit));
  let read = 0;
  const count = (bytes: number) => {
    read += bytes;
    if (read > limit) throw fail('request_too_large', { values: { limit }, headers: { connection: 'close' } });
  };
  return {
    length,
    get read() {
      return read;
    },
    open: () => Readable.from(pieces(request, count), { objectMode: false }),
  };
}

/**
 * Starts to read only when it is first asked, so that a connection that never came about costs nothing of the body. What an agent that has answered
 * does not take flows by: who sends all of a request before reading would wait for ever.
 */
async function* pieces(request: IncomingMessage, count: (bytes: number) => void): AsyncGenerator<Buffer> {
  try {
    for await (const piece of request.iterator({ destroyOnReturn: false })) {
      if (!Buffer.isBuffer(piece)) continue;
      count(piece.length);
      yield piece;
    }
  } finally {
    request.resume();
  }
}
