import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { fail } from '../errors.ts';
import { declaredLength, readBody } from '../../server/read-body.ts';

/** The body of a request on its way to an agent. */
export interface Body {
  /** In bytes; undefined for one that comes in chunks. */
  readonly length: number | undefined;
  /** May be called again as long as nothing was read. */
  open(): Readable | Buffer | null;
}

/** Bodies up to this size are read before they are passed on: cheaper than streaming, and an agent never waits for a slow caller. */
const smallBody = 64 * 1024;

export const wholeBody = (bytes: Buffer): Body => ({ length: bytes.length, open: () => (bytes.length > 0 ? bytes : null) });

/** Reads a small body, or wraps a large one without reading it. Rejects with `request_too_large` where the length says so already. */
export async function bodyOf(request: IncomingMessage, limit: number): Promise<Body> {
  const length = declaredLength(request);
  if (length !== undefined && (length <= smallBody || length > limit)) return wholeBody(await readBody(request, limit));
  return { length, open: () => Readable.from(pieces(request, limit), { objectMode: false }) };
}

/** Starts to read only when it is first asked, so that a connection that never came about costs nothing of the body. */
async function* pieces(request: IncomingMessage, limit: number): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const piece of request.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(piece)) continue;
    size += piece.length;
    if (size > limit) throw fail('request_too_large', { values: { limit }, headers: { connection: 'close' } });
    yield piece;
  }
}
