/** When an answer is over, which may be sooner than its connection. */
import type { ServerResponse } from 'node:http';

/** Emitted by a response whose whole text has gone out while its end still waits for the request. */
const goneOut = Symbol('goneOut');
/** Milliseconds for whoever sends all of a request before reading the answer. */
const patience = 3_000;

/**
 * Answers at once, and closes the connection when the request has come or patience is at its end. Closed while it comes, the connection would be
 * reset, and whoever is still sending, such as an Ingress controller, would take that for a failure of ours without reading the answer.
 */
export function endBehindRequest(response: ServerResponse, body: string): void {
  response.write(body, (error) => {
    if (!error) response.emit(goneOut);
  });
  const end = () => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, patience);
  response.req.once('end', end).once('close', end).resume();
}

/**
 * Calls once: with true when all of the answer has gone out, with false when its connection has closed before; at once where that is so already.
 */
export function onceOver(response: ServerResponse, tell: (whole: boolean) => void): void {
  if (response.closed) {
    tell(response.writableFinished);
    return;
  }
  let told = false;
  const over = (whole: boolean) => {
    if (!told) tell(whole);
    told = true;
  };
  response.once(goneOut, () => over(true)).once('close', () => over(response.writableFinished));
}
