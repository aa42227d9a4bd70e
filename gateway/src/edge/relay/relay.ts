/**
 * Passes one request on to an agent and its answer back, byte by byte as they come.
 *
 * Guarantees: nothing is held back (each chunk of a stream goes out when it comes in, at the pace of the slower side); a caller that
 * leaves ends the agent's work at once; a request is sent again only when no connection came about, so never twice to an agent.
 * An agent that could not be reached several times in a row is left alone for a while (server/circuits.ts).
 * Errors: `agent_unavailable`, `agent_timeout`, `agent_failed`; once the answer has begun, a failure cuts the connection.
 */
import { tokensHeader } from '@cloister/tenancy';
import type { SpanContext } from '@opentelemetry/api';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { errors, type Agent as Pool, type Dispatcher } from 'undici';
import { CircuitOpen, Circuits, type Passage } from '../../server/circuits.ts';
import type { Exchange } from '../../server/exchange.ts';
import type { Agent } from '../choose-agent.ts';
import { fail } from '../errors.ts';
import { headersForAgent, headersForCaller } from '../headers.ts';
import { agentConnections, NotConnected, type Authorities, type RelayTimeouts } from './agent-connections.ts';
import type { Body } from './body.ts';
import { dispatch } from './dispatch.ts';
import { untilConnected } from './until-connected.ts';

export interface RelayRequest {
  readonly agent: Agent;
  readonly target: string;
  readonly callerToken: string;
  readonly voucher: string;
  readonly body: Body;
  /** Where no connection comes about, somebody else is asked: no second one is tried. */
  readonly othersLeft: boolean;
  /** What the agent does is done within it. */
  readonly span: SpanContext;
}

/** Resolves when the answer has gone out, with what the agent says the request has cost in tokens, if it says so; also when the caller left. */
export type Relay = (
  request: IncomingMessage,
  response: ServerResponse,
  exchange: Exchange,
  to: RelayRequest,
) => Promise<number | undefined>;

export const relayTimeouts: RelayTimeouts = { connect: 4_000, headers: 600_000, idle: 300_000 };

export interface Upstream {
  readonly relay: Relay;
  /** How many agents are left alone at the moment. */
  readonly openCircuits: () => number;
  readonly close: () => Promise<void>;
}

export function relay(authorities: Authorities, timeouts: RelayTimeouts = relayTimeouts): Upstream {
  const circuits = new Circuits();
  const connections = agentConnections(authorities, timeouts, (origin) => circuits.connected(origin));
  const send: Relay = async (request, response, exchange, to) => {
    const passage = enter(circuits, exchange, to.agent);
    const options = optionsFor(request, exchange, to);
    const answered = { response, passage, agent: to.agent.name };
    try {
      const attempt = () => connections.use((pool) => stream(pool, { ...options, body: to.body.open() }, answered));
      return await (to.othersLeft ? attempt() : untilConnected(attempt, exchange.gone));
    } catch (error) {
      if (exchange.gone.aborted) return undefined; // nobody is left to be told
      if (error instanceof NotConnected) exchange.note({ notConnected: error.reason });
      if (error instanceof NotConnected || (isConnectionFailure(error) && !response.headersSent)) passage.failed();
      throw asFailure(error, to.agent.name);
    }
  };
  return { relay: send, openCircuits: () => circuits.open, close: () => connections.current.destroy() };
}

function optionsFor(request: IncomingMessage, { id }: Exchange, { agent, target, callerToken, voucher, body, span }: RelayRequest) {
  return {
    origin: agent.url,
    path: target,
    method: request.method ?? 'GET',
    headers: headersForAgent(request.headers, { id, span }, { callerToken, voucher }, body.length),
  } satisfies Dispatcher.DispatchOptions;
}

/** Throws `agent_unavailable` at once where the agent could not be reached lately. */
function enter(circuits: Circuits, exchange: Exchange, agent: Agent): Passage {
  try {
    return circuits.enter(originOf(agent));
  } catch (error) {
    if (!(error instanceof CircuitOpen)) throw error;
    exchange.note({ circuitOpen: true });
    throw fail('agent_unavailable', { values: { agent: agent.name }, retryAfterSeconds: error.retrySeconds, cause: error });
  }
}

/** Of the document as it is: a changed agent is another object. */
const origins = new WeakMap<Agent, string>();

function originOf(agent: Agent): string {
  const origin = origins.get(agent) ?? new URL(agent.url).origin;
  origins.set(agent, origin);
  return origin;
}

interface Answered {
  readonly response: ServerResponse;
  readonly passage: Passage;
  readonly agent: string;
}

async function stream(
  pool: Pool,
  options: Dispatcher.DispatchOptions,
  { response, passage, agent }: Answered,
): Promise<number | undefined> {
  let early: number | undefined;
  const begin = (status: number, headers: IncomingHttpHeaders) => {
    passage.answered();
    early = tokensIn(headers);
    response.writeHead(status, headersForCaller(headers, agent));
  };
  const trailers = await dispatch(pool, options, { response, begin });
  return tokensIn(trailers) ?? early;
}

function tokensIn({ [tokensHeader]: text }: IncomingHttpHeaders): number | undefined {
  return typeof text === 'string' && /^\d{1,12}$/.test(text) ? Number(text) : undefined;
}

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : '';

function asFailure(error: unknown, agent: string): unknown {
  const values = { agent };
  if (error instanceof NotConnected) return fail('agent_unavailable', { values, retryAfterSeconds: 2, cause: error });
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError)
    return fail('agent_timeout', { values, cause: error });
  return isConnectionFailure(error) ? fail('agent_failed', { values, cause: error }) : error;
}

const isConnectionFailure = (error: unknown): boolean =>
  error instanceof errors.UndiciError || ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ERR_STREAM_PREMATURE_CLOSE'].includes(codeOf(error));
