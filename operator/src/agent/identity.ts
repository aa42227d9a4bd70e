import { systemSecrets, type AgentDocument } from '@cloister/tenancy';
import { z } from 'zod';
import type { Caches } from '../caches.ts';
import { fromBase64 } from '../child.ts';

export type EdgeIdentity = AgentDocument['identity']['jwks'];

const jwks = z.object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string() })).min(1) });

/** The public keys of edge, by which agents know that a caller was verified. Undefined until they are made. */
export function readIdentity({ edgeIdentity }: Caches, namespace: string): EdgeIdentity | undefined {
  const text = fromBase64(edgeIdentity.get({ namespace, name: systemSecrets.edgeIdentity })?.data?.['jwks.json']);
  if (text === undefined) return undefined;
  try {
    return jwks.parse(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}
