/**
 * What the audit keeps of a model call: who called what, when, how it ended and what it cost. Names that the platform gave, numbers and
 * codes; never a prompt, an answer, a provider's words or a credential. A model that the tenant may not use is not named, because a caller
 * may write anything in its place.
 */
import { z } from 'zod';

/** What a call has noted of itself that is kept, in this order. */
export const kept = ['model', 'provider', 'attempts', 'tried', 'stream', 'inputTokens', 'outputTokens', 'microUsd'] as const;

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

/** The last of a writer that ended in order: nothing of it is missing. */
export const endRecord = z.strictObject({ kind: z.literal('writer_ended'), ...writing, at });

export const auditRecord = z.discriminatedUnion('kind', [callRecord, endRecord]);
