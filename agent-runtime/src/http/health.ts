import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Lifecycle } from './lifecycle.ts';

/** Answers `/healthz` (the process runs) and `/readyz` (it wants requests). False, and no answer, for any other path. */
export function answerProbe(request: IncomingMessage, response: ServerResponse, lifecycle: Lifecycle): boolean {
  if (request.url !== '/healthz' && request.url !== '/readyz') return false;
  const problem = request.url === '/readyz' ? lifecycle.notReady : undefined;
  response.writeHead(problem === undefined ? 200 : 503, { 'content-type': 'text/plain; charset=utf-8' }).end(`${problem ?? 'ok'}\n`);
  return true;
}
