/** Bodies as nearly all clients send them: JSON in UTF-8, not compressed, of a length that is known before. */
import { malformedJSON } from '@cloister/api-errors';
import type { IncomingMessage } from 'node:http';
import { ClientGone } from '../errors.ts';

const plain = /^application\/json *(?:; *charset="?utf-8"? *)?$/i;

/** `limit` in bytes. */
export function holdsPlainJSON({ headers }: IncomingMessage, limit: number): boolean {
  const { 'content-type': type, 'content-encoding': encoding, 'content-length': length } = headers;
  return encoding === undefined && Number(length) > 0 && Number(length) <= limit && plain.test(type ?? '');
}

/** Rejects with `invalid_json`, and with {@link ClientGone} when the client leaves before all is read, or has left. As long as its length says, and no longer. */
export function readJSON(request: IncomingMessage): Promise<unknown> {
  if (request.destroyed && !request.readableEnded) return Promise.reject(new ClientGone());
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    const leave = (): void => {
      if (!request.readableEnded) reject(new ClientGone());
    };
    request
      .on('data', (piece: Buffer) => pieces.push(piece))
      .once('close', leave)
      .once('error', leave)
      .once('end', () => {
        try {
          resolve(JSON.parse(decoder.decode(Buffer.concat(pieces))));
        } catch {
          reject(malformedJSON()); // the parser's own words quote the body
        }
      });
  });
}

/** Leaves a byte order mark out. */
const decoder = new TextDecoder();
