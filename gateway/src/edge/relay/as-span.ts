import { ApiError } from '@cloister/api-errors';
import type { SpanContext } from '@opentelemetry/api';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Exchange } from '../../server/exchange.ts';
import type { Recorded } from '../../tracing/tracing.ts';
import type { Agent } from '../choose-agent.ts';

interface Asking {
  readonly exchange: Exchange;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly agent: Agent;
}

/** As `ask` does, which is given the span within which the agent works. Where the request is recorded, that is one of its own. */
export function asSpan<T>(asking: Asking, ask: (span: SpanContext) => Promise<T>): Promise<T> {
  const { recorded, span } = asking.exchange;
  return recorded ? recordedly(recorded, asking, ask) : ask(span);
}

async function recordedly<T>(
  recorded: Recorded,
  { exchange, request, response, agent }: Asking,
  ask: (span: SpanContext) => Promise<T>,
): Promise<T> {
  const { hostname, port } = new URL(agent.url);
  const method = request.method ?? 'GET';
  const span = recorded.asking(method, {
    'http.request.method': method,
    'url.template': exchange.route,
    'server.address': hostname,
    'server.port': port === '' ? undefined : Number(port),
    'cloister.agent': agent.name,
  });
  let error: string | undefined = 'unexpected';
  try {
    const result = await ask(span.context);
    error = exchange.gone.aborted ? 'caller_gone' : undefined;
    return result;
  } catch (thrown) {
    if (thrown instanceof ApiError) error = thrown.code;
    throw thrown;
  } finally {
    const status = response.headersSent ? response.statusCode : undefined;
    const failed = error ?? (status !== undefined && status >= 400 ? String(status) : undefined);
    span.end({ attributes: { 'http.response.status_code': status }, error: failed });
  }
}
