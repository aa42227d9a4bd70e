/**
 * Which pod calls: its projected ServiceAccount token, checked without asking the API server.
 *
 * Guarantees: signature, issuer, audience and expiry hold; the same token is verified once and then remembered until it expires.
 */
import { egressAudience } from '@cloister/tenancy';
import { errors, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { createHash } from 'node:crypto';
import { z } from 'zod';

export interface PodIdentity {
  readonly namespace: string;
  readonly serviceAccount: { readonly name: string; readonly uid: string };
  /** Absent for tokens that were not made for a pod. */
  readonly pod: string | undefined;
}

/** Undefined for a token that is not valid. */
export type VerifyPod = (token: string) => Promise<PodIdentity | undefined>;

const claims = z.object({
  exp: z.number(),
  'kubernetes.io': z.object({
    namespace: z.string(),
    serviceaccount: z.object({ name: z.string(), uid: z.string() }),
    pod: z.object({ name: z.string() }).optional(),
  }),
});

const algorithms = ['RS256', 'ES256', 'ES384', 'ES512', 'RS384', 'RS512'];
const mostRemembered = 20_000;

export function podVerifier(issuer: string, keys: JWTVerifyGetKey, clock: () => number = Date.now): VerifyPod {
  /** By digest of the token, so that a dump of memory holds no more tokens than it must. */
  const verified = new Map<string, { readonly identity: PodIdentity; readonly until: number }>();
  return async (token) => {
    const digest = createHash('sha256').update(token).digest('base64');
    const known = verified.get(digest);
    if (known && known.until > clock()) return known.identity;
    verified.delete(digest);
    const found = await verify(token, issuer, keys, clock);
    if (!found) return undefined;
    if (verified.size >= mostRemembered) verified.clear();
    verified.set(digest, found);
    return found.identity;
  };
}

async function verify(token: string, issuer: string, keys: JWTVerifyGetKey, clock: () => number) {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience: egressAudience,
      algorithms,
      clockTolerance: 10,
      currentDate: new Date(clock()),
      requiredClaims: ['exp'],
    });
    const { exp, 'kubernetes.io': kubernetes } = claims.parse(payload);
    const { namespace, serviceaccount, pod } = kubernetes;
    return { identity: { namespace, serviceAccount: serviceaccount, pod: pod?.name }, until: exp * 1000 };
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}
