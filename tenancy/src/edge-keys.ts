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

/** Public keys with which edge may sign, as agents find them in {@link agentFiles.identity}: two while the key is being replaced. */
export const edgeKeys = z.object({ keys: z.array(edgeKey).min(1) });
export type EdgeKeys = z.infer<typeof edgeKeys>;
