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

/**
 * Public keys of edge. Agents find those with which it may sign in {@link agentFiles.identity}: two while the key is being replaced. Egress finds
 * in Secret `edge-identity` also those with which it signs no more, as long as a voucher of theirs may be under way.
 */
export const edgeKeys = z.object({ keys: z.array(edgeKey).min(1) });
export type EdgeKeys = z.infer<typeof edgeKeys>;
