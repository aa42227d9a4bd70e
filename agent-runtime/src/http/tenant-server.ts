/**
 * The server that edge calls, and how it ends without failing a request.
 *
 * Flow of an end: readiness fails and every answer says `Connection: close`, so that edge takes its pooled connections away while the endpoint
 * lists still name this pod; after the drain time no new connection is taken; what is in flight, streams included, runs to its end.
 */
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerProbe } from '@cloister/telemetry';
import type { Lifecycle } from './lifecycle.ts';

/** Above the 4 s after which edge gives up an idle connection: the side that sends must be the one that closes. */
const timeouts = { keepAliveTimeout: 15_000, headersTimeout: 10_000, requestTimeout: 60_000 };

export interface TenantServer {
  readonly server: Server;
  /** Resolves when the last answer has been sent. */
  stop(drainSeconds: number): Promise<void>;
}

export function tenantServer(app: RequestListener, lifecycle: Lifecycle): TenantServer {
  const unanswered = new Set<ServerResponse>();
  const server = createServer(timeouts, (request, response) => {
    if (lifecycle.draining) response.setHeader('connection', 'close');
    unanswered.add(response);
    response.once('close', () => {
      unanswered.delete(response);
      // After close() a connection whose answer has just ended would otherwise stay open until its keep-alive time is over.
      if (!server.listening) setImmediate(() => server.closeIdleConnections());
    });
    if (request.url === '/healthz') answerProbe(response, true);
    else if (request.url === '/readyz') answerProbe(response, lifecycle.ready);
    else app(request, response);
  });

  const stop = async (drainSeconds: number): Promise<void> => {
    lifecycle.drain();
    for (const response of unanswered) if (!response.headersSent) response.setHeader('connection', 'close');
    await sleep(drainSeconds * 1_000);
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { server, stop };
}
