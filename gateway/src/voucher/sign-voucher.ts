import { edgeIssuer, longestRequestSeconds, voucherAudience, type Voucher } from '@cloister/tenancy';
import { importJWK, SignJWT, type JWK } from 'jose';

/**
 * Seconds: the longest that a request may take, and the time before it in which its voucher may have been made. For that long a pod can bill its
 * own tenant's calls to a caller that it has heard from.
 */
export const voucherSeconds = longestRequestSeconds + 60;

export type SignVoucher = (voucher: Voucher) => Promise<string>;

/** Throws when the key is no Ed25519 private JWK with a `kid`. */
export async function voucherSigner(privateKey: JWK): Promise<SignVoucher> {
  const { kid } = privateKey;
  if (kid === undefined || privateKey.crv !== 'Ed25519') throw new Error('the identity key is no Ed25519 JWK with a "kid"');
  const key = await importJWK(privateKey, 'Ed25519');
  return (voucher) =>
    new SignJWT({ ...voucher })
      .setProtectedHeader({ alg: 'Ed25519', kid })
      .setIssuer(edgeIssuer)
      .setAudience(voucherAudience)
      .setExpirationTime(`${voucherSeconds}s`)
      .sign(key);
}
