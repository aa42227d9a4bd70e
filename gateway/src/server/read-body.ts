import type { IncomingMessage } from 'node:http';
import { fail } from './errors.ts';

/** The declared length of the body in bytes: 0 without a body, undefined when it comes in chunks. */
export function declaredLength({ headers }: IncomingMessage): number | undefined {
  if (headers['transfer-encoding'] !== undefined) return undefined;
  return Number(headers['content-length'] ?? 0);
}

/**
 * The whole body. Rejects with `request_too_large` as soon as that is known, and with `request_aborted` when the caller leaves, or has left before
 * anybody looked. The connection stays usable for the answer.
 */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLarge = () => fail('request_too_large', { values: { limit }, headers: { connection: 'close' } });
  if ((declaredLength(request) ?? 0) > limit) return Promise.reject(tooLarge());
  const gone = () => fail('request_aborted');
  if (request.destroyed && !request.readableEnded) return Promise.reject(gone());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    // Of a request that has come whole, what nobody had read yet is lost as well.
    const abort = () => {
      if (!request.readableEnded) reject(gone());
    };
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) return void chunks.push(chunk);
      request.off('data', take); // what still comes flows by
      chunks.length = 0;
      reject(tooLarge());
    };
    request
      .on('data', take)
      .once('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size)))
      .once('close', abort)
      .once('error', abort);
  });
}
