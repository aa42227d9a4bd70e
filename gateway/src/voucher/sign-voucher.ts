import { edgeIssuer, voucherAudience, voucherSeconds, type Voucher } from '@cloister/tenancy';
import { importJWK, SignJWT, type JWK } from 'jose';

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
