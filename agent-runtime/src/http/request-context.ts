import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { onceOver } from '@cloister/api-errors';
import type { Caller } from '@cloister/identity';
import { childSpan, spanOfCaller, type Logger } from '@cloister/telemetry';
import type { SpanContext } from '@opentelemetry/api';
import type { Measures } from '../measures.ts';

/** What is known of a request beside the request itself. */
export interface RequestContext {
  readonly requestId: string;
  /** Edge's: an agent records none of its own, so what it asks of egress belongs to that. */
  readonly span: SpanContext;
  readonly logger: Logger;
  /** Set by authentication, which stands before every route. */
  caller?: Caller;
  /** The route's pattern, for metrics and logs. */
  route: string;
  /** The model that answered, if one did. */
  model?: string;
}

const contexts = new WeakMap<IncomingMessage, RequestContext>();
const acceptableId = /^[-\w.]{1,128}$/;
/** nginx's number for a client that hung up; no answer ever carries it. */
const clientClosedRequest = 499;

export function contextOf(request: IncomingMessage): RequestContext {
  const context = contexts.get(request);
  if (!context) throw new Error('the request has no context');
  return context;
}

export function callerOf(request: IncomingMessage): Caller {
  const { caller } = contextOf(request);
  if (!caller) throw new Error('the request has not been authenticated');
  return caller;
}

/** Gives each request its context, and writes one log line and one measurement when it is over. */
export function followRequests(logger: Logger, measures: Measures): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const context = newContext(request, logger);
    contexts.set(request, context);
    response.setHeader('x-request-id', context.requestId);
    response.setHeader('cache-control', 'no-store');
    const startedAt = performance.now();
    onceOver(response, (whole) => {
      const durationMs = performance.now() - startedAt;
      const { route, model } = context;
      const { method = 'unknown' } = request;
      const status = whole ? response.statusCode : clientClosedRequest;
      measures.requests.observe({ method, route, status: String(status) }, durationMs / 1_000);
      logger.info({ ...idsOf(context), method, route, status, durationMs: Math.round(durationMs), model }, 'Request finished');
    });
  };
}

function newContext({ headers }: IncomingMessage, logger: Logger): RequestContext {
  const given = one(headers['x-request-id']);
  const requestId = given !== undefined && acceptableId.test(given) ? given : randomUUID();
  const span = spanOfCaller(headers) ?? childSpan(undefined);
  let own: Logger | undefined;
  return {
    requestId,
    span,
    get logger() {
      return (own ??= logger.child(idsOf(this))); // few requests have more to tell than their one line
    },
    route: 'unknown',
  };
}

const idsOf = ({ requestId, span: { traceId, spanId } }: RequestContext) => ({ requestId, traceId, spanId });

/** The value of a header that may stand once only. */
const one = (header: string | string[] | undefined): string | undefined => (typeof header === 'string' ? header : undefined);
