/**
 * Which pod calls: its projected ServiceAccount token, checked without asking the API server.
 *
 * Guarantees: signature, issuer, audience and expiry hold; the same token is verified once and then remembered until it expires.
 */
import { remembered, type Proven } from '@cloister/identity';
import { egressAudience } from '@cloister/tenancy';
import { errors, jwtVerify, type JWTVerifyGetKey } from 'jose';
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

export const podVerifier = (issuer: string, keys: JWTVerifyGetKey, clock: () => number = Date.now): VerifyPod =>
  remembered((token) => verify(token, issuer, keys, clock), clock);

async function verify(token: string, issuer: string, keys: JWTVerifyGetKey, clock: () => number): Promise<Proven<PodIdentity> | undefined> {
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
    return { value: { namespace, serviceAccount: serviceaccount, pod: pod?.name }, until: exp * 1000 };
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}
