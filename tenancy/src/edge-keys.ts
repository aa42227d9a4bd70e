import { z } from 'zod';

/** Exactly the public part: whatever else stands beside it is dropped. */
export const edgeKey = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  kid: z.string(),
  x: z.string(),
  alg: z.literal('Ed25519'),
  use: z.literal('sig'),
});
export type EdgeKey = z.infer<typeof edgeKey>;

/** Public keys of edge with which it may sign: two while the key is being replaced. Agents find them in {@link agentFiles.identity}. */
export const edgeKeys = z.object({ keys: z.array(edgeKey).min(1) });
export type EdgeKeys = z.infer<typeof edgeKeys>;

/** What egress finds in Secret `edge-identity`: beside these also those with which edge signs no more, as long as a voucher of theirs may be under way. */
export const believedKeys = z.object({
  keys: z
    .array(
      edgeKey.extend({
        /** From then on nobody believes it, whether or not it still stands there. Absent for those with which edge may sign. */
        vouchersUntil: z.iso.datetime().optional(),
      }),
    )
    .min(1),
});
export type BelievedKeys = z.infer<typeof believedKeys>;
