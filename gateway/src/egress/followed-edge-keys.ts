import { followSecretFile } from '@cloister/settings';
import { edgeKeys, parseDocument } from '@cloister/tenancy';
import type { Logger } from '@cloister/telemetry';
import { voucherSeconds } from '../voucher/sign-voucher.ts';
import { voucherVerifier, type VerifyVoucher } from '../voucher/verify-voucher.ts';

export interface FollowedEdgeKeys {
  readonly verify: VerifyVoucher;
  readonly stop: () => void;
}

/**
 * Believes the keys of edge that stand in a file, from the moment of its change the new ones; and those that stood there before for as long as
 * a voucher lives, so that an agent that works on a request meanwhile can go on. Throws where there are none to begin with.
 */
export function followedEdgeKeys(path: string, log: Logger, everyMs?: number): FollowedEdgeKeys {
  const verifierOf = (text: string) => voucherVerifier(parseDocument(edgeKeys, path, text));
  const { text, stop } = followSecretFile({
    setting: 'EDGE_KEYS_FILE',
    path,
    ...(everyMs !== undefined && { everyMs }),
    onProblem: (error) => log.warn({ reason: String(error) }, "edge's keys cannot be followed; those before stay in force"),
    onChange: (changed) => {
      const next = verifierOf(changed);
      former = { verify: current, until: Date.now() + voucherSeconds * 1_000 };
      current = next;
      log.info({}, "edge's keys have changed");
    },
  });
  let current = verifierOf(text);
  let former: { readonly verify: VerifyVoucher; readonly until: number } | undefined;
  const verify: VerifyVoucher = async (voucher) =>
    (await current(voucher)) ?? (former && Date.now() < former.until ? former.verify(voucher) : undefined);
  return { verify, stop };
}
