import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { onceOver } from '@cloister/api-errors';
import type { Caller } from '@cloister/identity';
import { childSpan, parseTraceparent, type Logger } from '@cloister/telemetry';
import type { SpanContext } from '@opentelemetry/api';
import type { Request, RequestHandler } from 'express';
import type { Measures } from '../measures.ts';

/** What is known of a request beside the request itself. */
export interface RequestContext {
  readonly requestId: string;
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
export function followRequests(logger: Logger, measures: Measures): RequestHandler {
  return (request, response, next) => {
    const context = newContext(request, logger);
    contexts.set(request, context);
    response.setHeader('x-request-id', context.requestId);
    response.setHeader('cache-control', 'no-store');
    const startedAt = performance.now();
    onceOver(response, (whole) =>
      finish(request, whole ? response.statusCode : clientClosedRequest, context, measures, performance.now() - startedAt),
    );
    next();
  };
}

function newContext(request: Request, logger: Logger): RequestContext {
  const given = request.get('x-request-id');
  const requestId = given !== undefined && acceptableId.test(given) ? given : randomUUID();
  const span = childSpan(parseTraceparent(request.get('traceparent')));
  return { requestId, span, logger: logger.child({ requestId, traceId: span.traceId, spanId: span.spanId }), route: 'unknown' };
}

function finish(request: Request, status: number, context: RequestContext, measures: Measures, durationMs: number): void {
  const { route, model, logger } = context;
  const { method } = request;
  measures.requests.observe({ method, route, status: String(status) }, durationMs / 1_000);
  logger.info({ method, route, status, durationMs: Math.round(durationMs), ...(model === undefined ? {} : { model }) }, 'Request finished');
}
