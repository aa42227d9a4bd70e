/**
 * W3C trace context (https://www.w3.org/TR/trace-context/): every request carries a `traceparent` from edge to egress, so that one
 * id finds all of its log lines. Works with or without an OpenTelemetry SDK installed.
 */
import { isSpanContextValid, TraceFlags, type SpanContext } from '@opentelemetry/api';
import { TraceState } from '@opentelemetry/core';
import { randomFillSync } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Characters, as W3C has it. */
const longestState = 512;

const format = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Undefined where the header is missing or malformed. What vendors say beside it (`tracestate`) is kept where it is at most 512 characters. */
export function parseTraceparent(header: string | undefined, state?: string): SpanContext | undefined {
  const match = header === undefined ? null : format.exec(header);
  if (match?.[1] === undefined || match[2] === undefined || match[3] === undefined) return undefined;
  const context = { traceId: match[1], spanId: match[2], traceFlags: parseInt(match[3], 16), isRemote: true };
  if (!isSpanContextValid(context)) return undefined;
  return state === undefined || state.length > longestState ? context : { ...context, traceState: new TraceState(state) };
}

/** Of a request that has come in. A header that stands several times is none, but for `tracestate`, which Node puts together. */
export const spanOfCaller = ({ traceparent, tracestate }: IncomingHttpHeaders): SpanContext | undefined =>
  parseTraceparent(one(traceparent), one(tracestate));

const one = (header: string | string[] | undefined): string | undefined => (typeof header === 'string' ? header : undefined);

/** A new span that nobody records, within the given trace or within a new one. Whoever is asked on behalf of it records none either. */
export function childSpan(parent: SpanContext | undefined): SpanContext {
  const span = { traceId: parent?.traceId ?? randomHex(16), spanId: randomHex(8), traceFlags: TraceFlags.NONE };
  return parent?.traceState ? { ...span, traceState: parent.traceState } : span;
}

/** Asking the system for a few bytes costs as much as asking it for thousands. */
const pool = Buffer.alloc(4_096);
let used = pool.length;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}

export const formatTraceparent = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;

/** Puts the span into the headers of a request to who is asked next. */
export function setTraceHeaders(headers: Record<string, string | string[]>, span: SpanContext): void {
  headers['traceparent'] = formatTraceparent(span);
  const state = span.traceState?.serialize();
  if (state !== undefined && state !== '') headers['tracestate'] = state;
}
