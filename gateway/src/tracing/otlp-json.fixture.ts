/** What a message to a collector holds (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding). */
import { z } from 'zod';

/** Whole numbers are strings there where they may be long. */
const value = z.union([
  z.object({ stringValue: z.string() }).transform((one) => one.stringValue),
  z.object({ boolValue: z.boolean() }).transform((one) => one.boolValue),
  z.object({ intValue: z.coerce.number() }).transform((one) => one.intValue),
  z.object({ doubleValue: z.number() }).transform((one) => one.doubleValue),
]);
const attributes = z
  .array(z.object({ key: z.string(), value }))
  .default([])
  .transform((all) => Object.fromEntries(all.map((one) => [one.key, one.value])));
const span = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  traceState: z.string().optional(),
  name: z.string(),
  kind: z.number().transform((kind) => (['unspecified', 'internal', 'server', 'client'] as const)[kind]),
  attributes,
  status: z.object({ code: z.number().optional() }).transform(({ code }) => (code === 2 ? 'error' : 'unset')),
});
const message = z.object({
  resourceSpans: z.array(z.object({ resource: z.object({ attributes }), scopeSpans: z.array(z.object({ spans: z.array(span) })) })),
});

export type CollectedSpan = z.infer<typeof span> & { readonly service: unknown };

export const spansIn = (text: string): CollectedSpan[] =>
  message
    .parse(JSON.parse(text))
    .resourceSpans.flatMap(({ resource, scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) => spans.map((one) => ({ ...one, service: resource.attributes['service.name'] }))),
    );
