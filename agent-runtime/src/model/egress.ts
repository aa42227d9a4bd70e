/**
 * The client of egress, the only way to a model. Plain `node:http`: the answer's bytes go to the caller as they are, so there is nothing for a
 * richer client to do, and it is loaded before the first request where every millisecond counts.
 */
import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { urlToHttpOptions } from 'node:url';
import { voucherHeader } from '@cloister/tenancy';
import { setTraceHeaders } from '@cloister/telemetry';
import type { SpanContext } from '@opentelemetry/api';
import { fail } from '../errors.ts';
import type { ReadToken } from './egress-token.ts';
import { jsonText } from './json-text.ts';

export interface ModelCall {
  /** An OpenAI chat completion request; `model` is `<provider>/<model>`. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly requestId: string;
  /** On whose behalf, as edge vouches for it to egress; undefined for what no request has caused. */
  readonly voucher: string | undefined;
  readonly span: SpanContext;
  /** Ends the call, and the answer's body if it is still arriving. */
  readonly signal: AbortSignal;
}

export interface ModelAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Must be read to its end or destroyed. */
  readonly body: IncomingMessage;
}

/**
 * Throws `egress_unreachable` where no connection comes about for a second and a half, `invalid_request` where the body is too deep to be sent, or the
 * signal's reason. Any HTTP answer, whatever its status, is an answer.
 */
export type CallModel = (call: ModelCall) => Promise<ModelAnswer>;

export interface EgressOptions {
  /** Ends with /v1. */
  readonly baseURL: string;
  readonly agent: string;
  readonly token: ReadToken;
}

/** Shorter than the 5 s for which Node servers keep an idle connection, so that the other end rarely closes one just as it is used. */
const idleSocketMs = 4_000;
const maxSockets = 256;
/**
 * Milliseconds before each further try. For that long a Service may go on to name a replica of egress that has died, and lead a call to it again;
 * most go to another one at once.
 */
const pauses = [0, 50, 150, 300, 500, 500];
/** What a connection is being made by. Nothing was sent yet, so another try can bill nothing twice. */
const connecting = ['connect', 'getaddrinfo'];
/** An idle server's end of a kept connection crosses with a request that goes out at the same time, so it is heard within a round trip. What comes later may have read it. */
const crossingMs = 100;

export function egressClient({ baseURL, agent, token }: EgressOptions): CallModel {
  const url = new URL(`${baseURL}/chat/completions`);
  const pool = { keepAlive: true, timeout: idleSocketMs, maxSockets };
  const secure = url.protocol === 'https:';
  const to = { ...urlToHttpOptions(url), method: 'POST', agent: secure ? new HttpsAgent(pool) : new HttpAgent(pool) };
  const request = secure ? httpsRequest : httpRequest;

  return async ({ body, requestId, voucher, span, signal }) => {
    const payload = Buffer.from(jsonText(body));
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      'content-length': String(payload.byteLength),
      authorization: `Bearer ${await token()}`,
      'x-request-id': requestId,
      'x-cloister-agent': agent,
      ...(voucher !== undefined && { [voucherHeader]: voucher }),
    };
    setTraceHeaders(headers, span);
    const asked = { ...to, headers };
    const message = await untilConnected(
      (anew) => exchange(() => request(anew ? { ...asked, agent: false } : asked), payload, signal),
      signal,
    );
    return { status: message.statusCode ?? 0, headers: message.headers, body: message };
  };
}

function exchange(open: () => ClientRequest, payload: Buffer, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const sent = open();
    const began = performance.now();
    // As the option `signal` would, without its listeners for whatever else may become of request and answer. Of what has ended, nothing is left to end.
    signal.addEventListener('abort', () => sent.destroy(new Error('given up')), { once: true });
    sent.on('response', resolve);
    sent.on('error', (error: NodeJS.ErrnoException) => {
      const wasClosing = sent.reusedSocket && performance.now() - began < crossingMs && ['ECONNRESET', 'EPIPE'].includes(error.code ?? '');
      reject(new ExchangeError(error.code ?? error.name, isOfConnecting(error) ? 'connecting' : wasClosing ? 'closed' : 'sent'));
    });
    sent.end(payload);
  });
}

/** Where several addresses were tried, all of their errors must be. */
const isOfConnecting = (error: NodeJS.ErrnoException): boolean =>
  error instanceof AggregateError ? error.errors.every(isOfConnecting) : connecting.includes(error.syscall ?? '');

/** When it failed: before there was a connection, on a kept one that was closed already, or when egress may have had it. */
type Point = 'connecting' | 'closed' | 'sent';

class ExchangeError extends Error {
  readonly point: Point;

  constructor(code: string, point: Point) {
    super(`no answer from egress: ${code}`);
    this.name = 'ExchangeError';
    this.point = point;
  }
}

/** `anew`: on a connection of its own. Who found a kept one closed is not to find the next one so. */
async function untilConnected<T>(attempt: (anew: boolean) => Promise<T>, signal: AbortSignal): Promise<T> {
  let anew = false;
  for (let tries = 0; ; tries++) {
    try {
      return await attempt(anew);
    } catch (error) {
      signal.throwIfAborted();
      const pause = pauses[tries];
      if (pause === undefined || !(error instanceof ExchangeError) || error.point === 'sent') throw unreachable(error);
      anew ||= error.point === 'closed';
      await sleep(pause, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

const unreachable = (cause: unknown): Error => fail('egress_unreachable', { retryAfterSeconds: 1, cause });
