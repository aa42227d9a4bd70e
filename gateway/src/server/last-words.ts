import type { Duplex } from 'node:stream';

/** Milliseconds for whoever reads the answer. Not a time-out of the socket, which those who go on sending would put off for ever. */
const lastMoment = 1_000;

/**
 * Answers on a socket that no HTTP server looks after (any more) and closes it, whatever the other side does: one that is reset, held open or
 * written to without end neither harms the process nor stays.
 */
export function sayAndClose(socket: Duplex, text: string): void {
  socket.on('error', () => undefined); // Node took its own listener away with the socket
  if (socket.writable) socket.end(text);
  const leaving = setTimeout(() => socket.destroy(), lastMoment);
  socket.once('close', () => clearTimeout(leaving)).resume();
}

export interface Refusal {
  readonly code: string;
  readonly message: string;
  /** OpenAI's class of error; that of a request which is at fault where nothing is said. */
  readonly type?: string;
  /** Lines, beside those that tell of the body. */
  readonly headers?: readonly string[];
}

/** As {@link sayAndClose}, in the shape in which every error is told. `status` with its words. */
export function refuseOnSocket(socket: Duplex, status: string, refusal: Refusal): void {
  const body = errorText(refusal);
  const { headers = [] } = refusal;
  const head = ['content-type: application/json', `content-length: ${Buffer.byteLength(body)}`, ...headers, 'connection: close'];
  sayAndClose(socket, `HTTP/1.1 ${status}\r\n${head.join('\r\n')}\r\n\r\n${body}`);
}

export const errorText = ({ code, message, type = 'invalid_request_error' }: Refusal): string =>
  JSON.stringify({ error: { message, type, param: null, code } });
