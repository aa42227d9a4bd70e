import { remembered, type Proven } from '@cloister/identity';
import { edgeIssuer, voucher, voucherAudience, type EdgeKeys, type Voucher } from '@cloister/tenancy';
import { createLocalJWKSet, errors, jwtVerify } from 'jose';
import { z } from 'zod';

/** Undefined for a voucher that is not valid. */
export type VerifyVoucher = (text: string) => Promise<Voucher | undefined>;

const longest = 4_096;

/**
 * Signature, issuer, audience and expiry hold. The same voucher is verified once and then remembered until it expires, or until edge's keys
 * change: this verifier knows these alone.
 */
export function voucherVerifier(edgeKeys: EdgeKeys, clock: () => number = Date.now): VerifyVoucher {
  const keys = createLocalJWKSet(edgeKeys);
  const known = remembered((text) => verify(text, keys, clock), clock);
  return (text) => (text.length > longest ? Promise.resolve(undefined) : known(text));
}

const claims = voucher.extend({ exp: z.number() });

async function verify(text: string, keys: ReturnType<typeof createLocalJWKSet>, clock: () => number): Promise<Proven<Voucher> | undefined> {
  try {
    const { payload } = await jwtVerify(text, keys, {
      issuer: edgeIssuer,
      audience: voucherAudience,
      algorithms: ['Ed25519'],
      clockTolerance: 5,
      currentDate: new Date(clock()),
      requiredClaims: ['exp'],
    });
    const { exp, ...said } = claims.parse(payload);
    return { value: said, until: exp * 1000 };
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}
