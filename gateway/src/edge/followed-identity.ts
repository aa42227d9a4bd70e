import { callerSigner, type SignCaller } from '@cloister/identity';
import { followSecretFile } from '@cloister/settings';
import { edgeIssuer } from '@cloister/tenancy';
import type { Logger } from '@cloister/telemetry';
import { z } from 'zod';
import { voucherSigner, type SignVoucher } from '../voucher/sign-voucher.ts';

const identityKey = z.looseObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), kid: z.string(), d: z.string() });

export interface FollowedIdentity {
  readonly sign: SignCaller;
  readonly signVoucher: SignVoucher;
  readonly stop: () => void;
}

/** Signs with the private key in a file, from the moment of its change with the new one: by then every agent trusts that. */
export async function followedIdentity(path: string, log: Logger, everyMs?: number): Promise<FollowedIdentity> {
  const signersOf = async (text: string) => {
    const key = identityKey.parse(JSON.parse(text));
    const [caller, voucher] = await Promise.all([callerSigner(key, edgeIssuer), voucherSigner(key)]);
    return { caller, voucher };
  };
  const { text, stop } = followSecretFile({
    setting: 'IDENTITY_KEY_FILE',
    path,
    ...(everyMs !== undefined && { everyMs }),
    // Without the error, which might quote the key.
    onProblem: () => log.warn({}, 'the identity key cannot be followed; the one before stays in use'),
    onChange: async (changed) => {
      signers = await signersOf(changed);
      log.info({}, 'callers are vouched for with the new key');
    },
  });
  let signers = await signersOf(text);
  return { sign: (caller, audience) => signers.caller(caller, audience), signVoucher: (voucher) => signers.voucher(voucher), stop };
}
