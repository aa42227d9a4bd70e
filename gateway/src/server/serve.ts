/**
 * An HTTP server that is hard to hurt from outside and that can leave without failing anybody.
 *
 * Leaving: on `drain` it goes on serving for `drainSeconds` with readiness failing and `Connection: close` on every answer, so that
 * callers with pooled connections move away; then it accepts no more, lets what is in flight end, and resolves.
 */
import { answerProbe, type Logger } from '@cloister/telemetry';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { Socket, type Server as NetServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorText, refuseOnSocket, type Refusal } from './last-words.ts';
import { endUntaken } from './untaken.ts';

export interface ServeOptions {
  /** 0 for any free port. */
  readonly port: number;
  readonly handler: RequestListener;
  readonly ready: () => boolean;
  readonly drainSeconds: number;
  readonly log: Logger;
  /** Milliseconds within which the whole request, body included, must have come. */
  readonly requestTimeoutMs?: number;
  /** Takes over the sockets of CONNECT. Without it they are closed. */
  readonly connect?: (request: IncomingMessage, socket: Socket, head: Buffer) => void;
  readonly headersTimeoutMs?: number;
  /** Milliseconds within which what waits for a caller must have gone out: who takes no more of its answer is let go. */
  readonly untakenTimeoutMs?: number;
  /** May decide which connections the server takes; called before it listens. */
  readonly guard?: (server: Server) => void;
}

export interface Running {
  readonly port: number;
  /** False from the first moment of `drain`. */
  readonly ready: () => boolean;
  /** Resolves when the last request has ended. A second call waits for the first. */
  readonly drain: () => Promise<void>;
}

const maxHeaderKiB = 16;
/** Longer than the idle time-out of common proxies in front, so that they and not we close first. */
const keepAliveTimeout = 75_000;

export async function serve({ port, handler, ready, drainSeconds, log, connect, guard, ...timeouts }: ServeOptions): Promise<Running> {
  let draining = false;
  const isReady = () => !draining && ready();
  const untaken = endUntaken(timeouts.untakenTimeoutMs ?? 60_000);
  /** The latest on each connection. */
  const answers = new WeakMap<Duplex, ServerResponse>();
  const server = createServer(
    {
      maxHeaderSize: maxHeaderKiB * 1024,
      requireHostHeader: false, // Node's own refusal has no words
      headersTimeout: timeouts.headersTimeoutMs ?? 10_000,
      requestTimeout: timeouts.requestTimeoutMs ?? 60_000,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout,
      // Other wishes, such as for HTTP/2, may be passed over; who wants a WebSocket needs to be told.
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
    },
    (request, response) => {
      if (draining) response.setHeader('connection', 'close');
      untaken.watch(response);
      answers.set(request.socket, response);
      if (request.headers.host === undefined && request.httpVersion === '1.1') refuse(response, 400, malformed);
      else if (request.url === '/healthz') answerProbe(response, true);
      else if (request.url === '/readyz') answerProbe(response, isReady());
      else handler(request, response);
    },
  );
  guard?.(server);
  // Node takes a connection for idle once its answer was written, though much of that may not have gone out.
  const closeIdle = server.closeIdleConnections.bind(server);
  server.closeIdleConnections = () => {
    if (!untaken.goingOut()) closeIdle();
  };
  server
    .on('clientError', (error, socket) => refuseMalformed(error, socket, answers.get(socket)))
    .on('upgrade', (_, socket) => refuseUpgrade(socket, answers.get(socket)))
    .on('checkExpectation', (request, response) => {
      answers.set(request.socket, response);
      refuse(response, 417, unmet);
    });
  if (connect)
    server.on('connect', (request, socket, head) => {
      if (socket instanceof Socket) connect(request, socket, head);
      else socket.destroy();
    });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, resolve);
  });
  const leave = async () => {
    draining = true;
    log.info({ drainSeconds }, 'draining');
    await sleep(drainSeconds * 1000);
    await closed(server);
    untaken.stop();
    log.info({}, 'drained');
  };
  let leaving: Promise<void> | undefined;
  return { port: portOf(server), ready: isReady, drain: () => (leaving ??= leave()) };
}

/** Streams that began before the drain end on connections that were promised to stay: those are closed once they fall idle. */
async function closed(server: Server): Promise<void> {
  const sweep = setInterval(() => server.closeIdleConnections(), 100);
  try {
    await new Promise<void>((resolve, reject) => {
      server.close((error) => (error ? reject(error) : resolve()));
    });
  } finally {
    clearInterval(sweep);
  }
}

export function portOf(server: NetServer): number {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server does not listen on a port');
  return address.port;
}

const unmet: Refusal = { code: 'expectation_failed', message: 'no expectation but 100-continue is met' };
const noUpgrade: Refusal = {
  code: 'upgrade_unsupported',
  message: 'connections cannot be upgraded; use server-sent events ("stream": true)',
};
const malformed: Refusal = { code: 'malformed_request', message: 'the request is no valid HTTP' };
const headersTooLarge: Refusal = {
  code: 'headers_too_large',
  message: `the headers of the request are larger than ${maxHeaderKiB} KiB, or too many; leave out what is not needed, such as cookies`,
};
const tooSlow: Refusal = { code: 'request_timeout', message: 'the request did not come in time; send it again, all at once' };
/** By Node's code for what it will not read. */
const refusals: Readonly<Record<string, readonly [status: string, Refusal]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', headersTooLarge],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', tooSlow],
};

function refuse(response: ServerResponse, status: number, refusal: Refusal): void {
  const body = errorText(refusal);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), connection: 'close' };
  response.writeHead(status, headers).end(body);
}

/** What is no HTTP (smuggling attempts among it) gets one answer and a closed connection, which is all it gets where words would pass for another's. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex, latest: ServerResponse | undefined): void {
  if (error.code === 'ECONNRESET' || !socket.writable || !isNextToAnswer(latest)) socket.destroy();
  else refuseOnSocket(socket, ...(refusals[error.code ?? ''] ?? (['400 Bad Request', malformed] as const)));
}

/**
 * Whether what is refused would be answered next. It is the rest of the latest request where that is not complete, which may have been answered, or
 * stand behind one that has not (and has no socket then); otherwise it stands behind the latest, which may not have been answered to its end.
 */
function isNextToAnswer(latest: ServerResponse | undefined): boolean {
  if (!latest) return true;
  return latest.req.complete ? latest.writableFinished : !latest.headersSent && latest.socket !== null;
}

function refuseUpgrade(socket: Duplex, latest: ServerResponse | undefined): void {
  if (!isNextToAnswer(latest)) socket.destroy();
  else refuseOnSocket(socket, '501 Not Implemented', noUpgrade);
}
