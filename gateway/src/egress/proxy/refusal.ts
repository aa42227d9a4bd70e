/** Refusals in the words of a proxy, on a socket that no HTTP server looks after any more. */
import type { ApiError } from '@cloister/api-errors';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { sayAndClose } from '../../server/last-words.ts';
import { fail } from '../errors.ts';

/** What is 401 of a server is 407 of a proxy; clients send no credential before they are asked for one in this way. */
export const asProxy = (error: ApiError): ApiError =>
  error.code === 'token_invalid'
    ? fail('proxy_token_invalid', { headers: { 'proxy-authenticate': 'Basic realm="cloister-egress"' } })
    : error;

/** Answers and closes, whatever the other side does. */
export const refuse = (client: Socket, error: ApiError): void => sayAndClose(client, textOf(error));

function textOf({ body, headers, kind: { status } }: ApiError): string {
  const text = JSON.stringify(body);
  const all = { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('\r\n')}\r\n\r\n${text}`;
}
