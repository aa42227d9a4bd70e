import { edgeIssuer, voucher, voucherAudience, type EdgeKeys, type Voucher } from '@cloister/tenancy';
import { createLocalJWKSet, errors, jwtVerify } from 'jose';
import { hash } from 'node:crypto';
import { z } from 'zod';

/** Undefined for a voucher that is not valid. */
export type VerifyVoucher = (text: string) => Promise<Voucher | undefined>;

const mostRemembered = 20_000;
const longest = 4_096;

/**
 * Signature, issuer, audience and expiry hold. The same voucher is verified once and then remembered until it expires, or until edge's keys
 * change: this verifier knows these alone.
 */
export function voucherVerifier(edgeKeys: EdgeKeys, clock: () => number = Date.now): VerifyVoucher {
  const keys = createLocalJWKSet(edgeKeys);
  const verified = new Map<string, { readonly voucher: Voucher; readonly until: number }>();
  return async (text) => {
    if (text.length > longest) return undefined;
    const digest = hash('sha256', text, 'base64');
    const known = verified.get(digest);
    if (known && known.until > clock()) return known.voucher;
    verified.delete(digest);
    const found = await verify(text, keys, clock);
    if (!found) return undefined;
    if (verified.size >= mostRemembered) verified.clear();
    verified.set(digest, found);
    return found.voucher;
  };
}

const claims = voucher.extend({ exp: z.number() });

async function verify(text: string, keys: ReturnType<typeof createLocalJWKSet>, clock: () => number) {
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
    return { voucher: said, until: exp * 1000 };
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}
