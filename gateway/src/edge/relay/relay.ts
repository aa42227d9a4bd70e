/**
 * Passes one request on to an agent and its answer back, byte by byte as they come.
 *
 * Guarantees: nothing is held back (each chunk of a stream goes out when it comes in, at the pace of the slower side); a caller that
 * leaves ends the agent's work at once; a request is sent again only when no connection came about, so never twice to an agent.
 * Errors: `agent_unavailable`, `agent_timeout`, `agent_failed`; once the answer has begun, a failure cuts the connection.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent as Pool, errors, type Dispatcher } from 'undici';
import type { Exchange } from '../../server/exchange.ts';
import type { Agent } from '../choose-agent.ts';
import { fail } from '../errors.ts';
import { headersForAgent, headersForCaller } from '../headers.ts';
import type { Body } from './body.ts';

export interface RelayRequest {
  readonly agent: Agent;
  readonly target: string;
  readonly callerToken: string;
  readonly body: Body;
}

export type Relay = (request: IncomingMessage, response: ServerResponse, exchange: Exchange, to: RelayRequest) => Promise<void>;

export interface RelayTimeouts {
  /** Milliseconds for a TCP connection. */
  readonly connect: number;
  /** Until the answer begins; a model may think for minutes before that. */
  readonly headers: number;
  /** Between two pieces of the answer. */
  readonly idle: number;
}

export const relayTimeouts: RelayTimeouts = { connect: 2_000, headers: 600_000, idle: 300_000 };

/** Shorter than an agent's drain, so that a pooled connection is gone before the pod behind it is. */
const keepAlive = 4_000;

export function relay(timeouts: RelayTimeouts = relayTimeouts): { relay: Relay; close: () => Promise<void> } {
  const pool = new Pool({
    keepAliveTimeout: keepAlive,
    keepAliveMaxTimeout: keepAlive,
    headersTimeout: timeouts.headers,
    bodyTimeout: timeouts.idle,
    connect: { timeout: timeouts.connect },
  });
  const send: Relay = async (request, response, exchange, to) => {
    const options = optionsFor(request, exchange, to);
    try {
      await stream(pool, options, response).catch((error: unknown) => {
        if (!neverConnected(error) || exchange.gone.aborted) throw error;
        return stream(pool, { ...options, body: to.body.open() }, response);
      });
    } catch (error) {
      if (exchange.gone.aborted) return; // nobody is left to be told
      throw asFailure(error, to.agent.name);
    }
  };
  return { relay: send, close: () => pool.destroy() };
}

function optionsFor(request: IncomingMessage, exchange: Exchange, { agent, target, callerToken, body }: RelayRequest) {
  return {
    origin: agent.url,
    path: target,
    method: request.method ?? 'GET',
    headers: headersForAgent(request.headers, exchange, callerToken, body.length),
    body: body.open(),
    signal: exchange.gone,
  } satisfies Dispatcher.RequestOptions;
}

async function stream(pool: Pool, options: Dispatcher.RequestOptions, response: ServerResponse): Promise<void> {
  await pool.stream(options, ({ statusCode, headers }) => {
    response.writeHead(statusCode, headersForCaller(headers));
    return response;
  });
}

/** Codes with which connecting fails: nothing of the request has left this process. */
const connecting = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : '';

const neverConnected = (error: unknown): boolean =>
  connecting.has(codeOf(error)) || (error instanceof AggregateError && error.errors.every((inner) => connecting.has(codeOf(inner))));

function asFailure(error: unknown, agent: string): unknown {
  const values = { agent };
  if (neverConnected(error)) return fail('agent_unavailable', { values, retryAfterSeconds: 2, cause: error });
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError)
    return fail('agent_timeout', { values, cause: error });
  return isConnectionFailure(error) ? fail('agent_failed', { values, cause: error }) : error;
}

const isConnectionFailure = (error: unknown): boolean =>
  error instanceof errors.UndiciError || ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ERR_STREAM_PREMATURE_CLOSE'].includes(codeOf(error));
