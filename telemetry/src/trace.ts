/**
 * W3C trace context (https://www.w3.org/TR/trace-context/): every request carries a `traceparent` from edge to provider, so that one
 * id finds all of its log lines. Works with or without an OpenTelemetry SDK installed.
 */
import { isSpanContextValid, TraceFlags, type SpanContext } from '@opentelemetry/api';
import { randomFillSync } from 'node:crypto';

const format = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Undefined where the header is missing or malformed. */
export function parseTraceparent(header: string | undefined): SpanContext | undefined {
  const match = header === undefined ? null : format.exec(header);
  if (match?.[1] === undefined || match[2] === undefined || match[3] === undefined) return undefined;
  const context = { traceId: match[1], spanId: match[2], traceFlags: parseInt(match[3], 16), isRemote: true };
  return isSpanContextValid(context) ? context : undefined;
}

/** A new span within the given trace, or within a new one. */
export function childSpan(parent: SpanContext | undefined): SpanContext {
  return {
    traceId: parent?.traceId ?? randomHex(16),
    spanId: randomHex(8),
    traceFlags: parent?.traceFlags ?? TraceFlags.SAMPLED,
  };
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
