import { remembered, type Proven } from '@cloister/identity';
import { edgeIssuer, edgeKey, voucher, voucherAudience, type BelievedKeys, type Voucher } from '@cloister/tenancy';
import { createLocalJWKSet, errors, jwtVerify } from 'jose';
import { z } from 'zod';

/** Undefined for a voucher that is not valid. */
export type VerifyVoucher = (text: string) => Promise<Voucher | undefined>;

const longest = 4_096;

/**
 * Signature, issuer, audience and expiry hold. The same voucher is verified once and then remembered until it expires, or until edge's keys
 * change: this verifier knows these alone, each until its time has passed.
 */
export function voucherVerifier(edgeKeys: BelievedKeys, clock: () => number = Date.now): VerifyVoucher {
  let believed = believedAt(clock(), edgeKeys, clock);
  return (text) => {
    if (clock() >= believed.until) believed = believedAt(clock(), edgeKeys, clock);
    return text.length > longest ? Promise.resolve(undefined) : believed.verify(text);
  };
}

interface Believed {
  readonly verify: VerifyVoucher;
  /** When the next of the keys is believed no more, in milliseconds since 1970. */
  readonly until: number;
}

function believedAt(now: number, { keys }: BelievedKeys, clock: () => number): Believed {
  const left = keys.map((key) => ({ key, end: endOf(key) })).filter(({ end }) => end > now);
  const set = createLocalJWKSet({ keys: left.map(({ key }) => edgeKey.parse(key)) });
  return { verify: remembered((text) => verify(text, set, clock), clock), until: Math.min(...left.map(({ end }) => end)) };
}

const endOf = ({ vouchersUntil }: BelievedKeys['keys'][number]): number =>
  vouchersUntil === undefined ? Infinity : Date.parse(vouchersUntil);

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
