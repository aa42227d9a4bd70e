/**
 * Tracing by OpenTelemetry's SDK.
 *
 * Guarantees: no request ever waits for the collector; no more than {@link mostWaiting} spans are kept for it, and those beyond are counted and gone.
 */
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  SamplingDecision,
  TracerProvider,
  type Sampler,
} from '@opentelemetry/sdk-trace';
import { hostname } from 'node:os';
import { boundedExport } from './bounded-export.ts';
import type { Exporting, Recorded, SpanEnd, Tracing } from './tracing.ts';

/** Characters of a value; names of tenants and models are shorter. */
const longestValue = 256;

export function otlpTracing(options: Exporting): Tracing {
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.namespace': 'cloister',
      'service.name': options.service,
      'service.instance.id': hostname(),
    }),
    sampler: samplerOf(options),
    spanLimits: { attributeValueLengthLimit: longestValue },
    spanProcessors: [boundedExport(options)],
  });
  const tracer = provider.getTracer('cloister');
  return {
    serve: (parent) => {
      const span = tracer.startSpan('HTTP', { kind: SpanKind.SERVER }, within(parent));
      return { context: span.spanContext(), recorded: span.isRecording() ? new RecordedSpan(tracer, span) : undefined };
    },
    close: () => provider.shutdown().catch(() => undefined), // what could not be sent was counted and logged
  };
}

/**
 * By chance and not by the id of the trace, as OpenTelemetry's own does it: callers choose ids, and could choose those that are recorded.
 * What belongs to a request goes by the request.
 */
function samplerOf({ ratio, parentDecides }: Exporting): Sampler {
  const byChance: Sampler = {
    shouldSample: () => ({ decision: Math.random() < ratio ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD }),
    toString: () => `chance of ${ratio}`,
  };
  return new ParentBasedSampler({
    root: byChance,
    remoteParentSampled: parentDecides ? new AlwaysOnSampler() : byChance,
    remoteParentNotSampled: parentDecides ? new AlwaysOffSampler() : byChance,
  });
}

const within = (parent: SpanContext | undefined) => (parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT);

class RecordedSpan implements Recorded {
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly context: SpanContext;

  constructor(tracer: Tracer, span: Span) {
    this.#tracer = tracer;
    this.#span = span;
    this.context = span.spanContext();
  }

  asking(name: string, attributes: Attributes): Recorded {
    return new RecordedSpan(this.#tracer, this.#tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, within(this.context)));
  }

  end({ name, attributes = {}, error }: SpanEnd): void {
    if (!this.#span.isRecording()) return;
    if (name !== undefined) this.#span.updateName(name);
    this.#span.setAttributes(attributes);
    if (error !== undefined) this.#span.setAttribute('error.type', error).setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end();
  }
}
