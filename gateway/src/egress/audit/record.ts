/**
 * What the audit keeps of a model call: who called what, when, how it ended and what it cost. Names that the platform gave, numbers and
 * codes; never a prompt, an answer, a provider's words or a credential. A model that the tenant may not use is not named, because a caller
 * may write anything in its place. Of tools that the answer calls there are the names, of those that the request offered, and never what they
 * are called with. Of a connection of tools: who connected where, and how much was carried; the domain is kept where it is
 * refused, too, since where an agent tried to go is what the record is for.
 */
import { z } from 'zod';

/** What a call has noted of itself that is kept, in this order. */
export const kept = [
  ...['caller', 'model', 'downgradedTo', 'throttledMs', 'provider', 'key', 'attempts', 'tried', 'stream', 'cache', 'toolCalls'],
  ...['inputTokens', 'cachedTokens', 'cacheWriteTokens', 'outputTokens', 'reasoningTokens', 'microUsd', 'priceAsOf'],
] as const;

const writing = { writer: z.string(), number: z.int().positive() };

/** When the call ended, by the clock of its replica. */
const at = z.iso.datetime();

export const callRecord = z.looseObject({
  kind: z.literal('model_call'),
  ...writing,
  at,
  agent: z.string(),
  requestId: z.string(),
  traceId: z.string(),
  route: z.string(),
  /** `refused`: no provider was asked. `failed`: one was, and the answer did not come to its end; `code` says why. */
  outcome: z.enum(['answered', 'refused', 'failed']),
  code: z.string().optional(),
  durationMs: z.number(),
});
export type CallRecord = z.infer<typeof callRecord>;

export const connectionRecord = z.looseObject({
  kind: z.literal('tool_connection'),
  ...writing,
  at,
  agent: z.string(),
  /** Absent where what was asked for was no domain and port. */
  host: z.string().optional(),
  port: z.int().optional(),
  /** `refused`: not allowed, `code` says why. `failed`: none came about, `code` says why. `carried`: `end` says how it ended. */
  outcome: z.enum(['carried', 'refused', 'failed']),
  code: z.string().optional(),
  address: z.string().optional(),
  bytesUp: z.int().optional(),
  bytesDown: z.int().optional(),
  end: z.string().optional(),
  durationMs: z.number(),
});
export type ConnectionRecord = z.infer<typeof connectionRecord>;

/** The writer of administrative records: no process, so it is never at its end. */
export const administration = '00000000-0000-0000-0000-000000000000';

export const administrativeRecord = z.looseObject({
  kind: z.literal('administrative_change'),
  ...writing,
  /** When egress heard of it. */
  at,
  /** Who brought it about among Cloister's parts. */
  part: z.enum(['operator', 'edge', 'egress']),
  object: z.string(),
  action: z.enum(['added', 'changed', 'removed', 'pruned']),
});

/** Records were removed for their age, up to this one. */
export const pruningRecord = administrativeRecord.extend({
  object: z.literal('audit'),
  action: z.literal('pruned'),
  upTo: z.int().positive(),
  hash: z.string(),
});

/** The last of a writer that ended in order: nothing of it is missing. */
export const endRecord = z.strictObject({ kind: z.literal('writer_ended'), ...writing, at });

export const auditRecord = z.discriminatedUnion('kind', [callRecord, connectionRecord, administrativeRecord, endRecord]);
