/** One request and its answer: its ids, and the one log line that will tell of it. */
import { onceOver } from '@cloister/api-errors';
import { childSpan, spanOfCaller, type Histogram, type Logger } from '@cloister/telemetry';
import type { SpanContext } from '@opentelemetry/api';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { serverSpan } from '../tracing/server-span.ts';
import type { Recorded, Tracing } from '../tracing/tracing.ts';
import { Untaken } from './untaken.ts';

/** What may be logged of a request: names, numbers and flags, never content. */
export type Facts = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Exchange {
  /** Sent as `x-request-id` to whoever is asked next, and back to the caller. */
  readonly id: string;
  readonly span: SpanContext;
  /** That span, where it is recorded. */
  readonly recorded: Recorded | undefined;
  /** Aborts as soon as the caller is gone before the answer was complete. */
  readonly gone: AbortSignal;
  /** The pattern that the request matched, for metrics. */
  route: string;
  note(facts: Facts): void;
  /** All that was noted. */
  readonly facts: Facts;
}

export interface Telling {
  readonly log: Logger;
  readonly durations: Histogram<'method' | 'route' | 'status'>;
  /** Undefined: no spans are recorded. */
  readonly tracing?: Tracing | undefined;
}

/** Callers may choose the id, so that their logs and ours meet; anything else in its place is replaced. */
const acceptableId = /^[A-Za-z0-9._-]{1,128}$/;

export function openExchange(request: IncomingMessage, response: ServerResponse, { log, durations, tracing }: Telling): Exchange {
  const started = performance.now();
  const leaving = new AbortController();
  const facts: Record<string, Facts[string]> = {};
  const caller = spanOfCaller(request.headers);
  const served = tracing?.serve(caller);
  const exchange: Exchange = {
    id: requestId(request.headers['x-request-id']),
    span: served?.context ?? childSpan(caller),
    recorded: served?.recorded,
    gone: leaving.signal,
    route: 'unknown',
    note: (more) => void Object.assign(facts, more),
    facts,
  };
  response.setHeader('x-request-id', exchange.id);
  onceOver(response, (whole) => {
    const aborted = !whole;
    if (aborted) leaving.abort();
    if (response.errored instanceof Untaken) exchange.note({ untaken: true });
    const seconds = (performance.now() - started) / 1000;
    const status = aborted && !response.headersSent ? 499 : response.statusCode;
    durations.observe({ method: request.method ?? 'unknown', route: exchange.route, status: String(status) }, seconds);
    const { id, span, route } = exchange;
    const durationMs = Math.round(seconds * 1e4) / 10;
    exchange.recorded?.end(serverSpan({ method: request.method, status, aborted }, exchange));
    log.info({ requestId: id, traceId: span.traceId, method: request.method, route, status, durationMs, aborted, ...facts }, 'request');
  });
  return exchange;
}

const requestId = (header: string | string[] | undefined): string =>
  typeof header === 'string' && acceptableId.test(header) ? header : randomUUID();
