/**
 * The server that edge calls, and how it ends without failing a request.
 *
 * Flow of an end: readiness fails and every answer says `Connection: close`, so that edge takes its pooled connections away while the endpoint
 * lists still name this pod; after the drain time no new connection is taken; what is in flight, streams included, runs to its end.
 */
import http, { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerProbe } from '@cloister/telemetry';
import type { ServingCertificate } from './followed-certificate.ts';
import type { Lifecycle } from './lifecycle.ts';

/** Above the 4 s after which edge gives up an idle connection: the side that sends must be the one that closes. */
const timeouts = { keepAliveTimeout: 15_000, headersTimeout: 10_000, requestTimeout: 60_000 };
/** An end waits for connections that have not said hello; edge gives up a connection after four seconds. */
const handshakeTimeout = 5_000;

export interface TenantServer {
  readonly server: http.Server | https.Server;
  /** Resolves when the last answer has been sent. */
  stop(drainSeconds: number): Promise<void>;
}

/** Speaks TLS and nothing else. Without a certificate, on a laptop, plain HTTP. */
export function tenantServer(app: RequestListener, lifecycle: Lifecycle, certificate?: ServingCertificate): TenantServer {
  const unanswered = new Set<ServerResponse>();
  const server = certificate ? secureServer(certificate, answer) : http.createServer(timeouts, answer);
  // Node takes a connection for idle once its answer was written, though much of that may not have gone out.
  const closeIdle = server.closeIdleConnections.bind(server);
  server.closeIdleConnections = () => {
    if (!unanswered.values().some(({ writableEnded, writableFinished }) => writableEnded && !writableFinished)) closeIdle();
  };

  function answer(request: IncomingMessage, response: ServerResponse): void {
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
  }

  const stop = async (drainSeconds: number): Promise<void> => {
    lifecycle.drain();
    for (const response of unanswered) if (!response.headersSent) response.setHeader('connection', 'close');
    await sleep(drainSeconds * 1_000);
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { server, stop };
}

function secureServer({ initial, onChange }: ServingCertificate, answer: RequestListener): https.Server {
  const server = https.createServer({ ...timeouts, ...initial, handshakeTimeout }, answer);
  onChange((next) => server.setSecureContext(next));
  return server;
}
