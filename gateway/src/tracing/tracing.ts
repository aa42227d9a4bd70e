/**
 * Spans of what a process does for a request, for a collector of OpenTelemetry. Nothing of its SDK is loaded but what reads
 * `tracestate`, and no request costs anything more, as long as no collector is named.
 */
import { Counter, type Logger, type Registry } from '@cloister/telemetry';
import type { Attributes, SpanContext } from '@opentelemetry/api';

export interface TracingOptions {
  /** As spans name it, for example `cloister-edge`. */
  readonly service: string;
  /** Where OTLP over HTTP is taken, in full: `http://collector:4318/v1/traces`. Undefined: nothing is recorded. */
  readonly endpoint: string | undefined;
  /** Holds headers for the collector, `name=value` with commas between them. Read for each message, so that it may change. */
  readonly headersFile: string | undefined;
  /** Of the requests that begin a trace, from 0 to 1. */
  readonly ratio: number;
  /** Whether who asks decides if a request is recorded. Otherwise the ratio decides for each. */
  readonly parentDecides: boolean;
  readonly registry: Registry;
  readonly log: Logger;
}

/** How a span came to its end. */
export interface SpanEnd {
  /** In the place of the name that it had. */
  readonly name?: string;
  /** Names that the platform gave, numbers and codes. Never content, a credential or, but for a request's id, what a caller may have written. */
  readonly attributes?: Attributes;
  /** What went wrong, as a code. */
  readonly error?: string | undefined;
}

/** A span that is recorded. */
export interface Recorded {
  /** For who is asked on behalf of it: spans made there become its children. */
  readonly context: SpanContext;
  /** Begins a span within it: somebody else is asked. */
  asking(name: string, attributes: Attributes): Recorded;
  /** What comes after the first time is nothing. */
  end(how: SpanEnd): void;
}

export interface Served {
  readonly context: SpanContext;
  /** Undefined where it is none of those that are recorded. */
  readonly recorded: Recorded | undefined;
}

export interface Tracing {
  /** Begins the span of a request that has come in. */
  serve(parent: SpanContext | undefined): Served;
  /** Sends what is left, for five seconds at most. Never rejects. */
  close(): Promise<void>;
}

const outcomes = ['exported', 'failed', 'dropped'] as const;

/** Where and how the SDK's part does its work. */
export interface Exporting extends Omit<TracingOptions, 'registry'> {
  readonly endpoint: string;
  readonly count: (outcome: (typeof outcomes)[number], spans: number) => void;
}

/** Undefined where no collector is named. */
export async function startTracing(options: TracingOptions): Promise<Tracing | undefined> {
  const { endpoint, registry } = options;
  if (endpoint === undefined) return undefined;
  const { otlpTracing } = await import('./otlp-tracing.ts');
  const spans = new Counter({
    name: 'cloister_tracing_spans_total',
    help: 'Spans that were recorded; outcome is exported, failed where the collector took none, or dropped where too many waited for it',
    labelNames: ['outcome'] as const,
    registers: [registry],
  });
  for (const outcome of outcomes) spans.inc({ outcome }, 0);
  return otlpTracing({ ...options, endpoint, count: (outcome, number) => spans.inc({ outcome }, number) });
}
