import { followSecretFile } from '@cloister/settings';
import { believedKeys, parseDocument } from '@cloister/tenancy';
import type { Logger } from '@cloister/telemetry';
import { voucherVerifier, type VerifyVoucher } from '../voucher/verify-voucher.ts';

export interface FollowedEdgeKeys {
  readonly verify: VerifyVoucher;
  readonly stop: () => void;
}

/**
 * Believes the keys of edge that stand in a file, from the moment of its change the new ones, and nothing that it remembers: every replica
 * believes the same, whenever it began. Until when a former key is believed is the operator's to say, beside the key. Throws where there are none to begin with.
 */
export function followedEdgeKeys(path: string, log: Logger, everyMs?: number): FollowedEdgeKeys {
  const verifierOf = (text: string) => voucherVerifier(parseDocument(believedKeys, path, text));
  const { text, stop } = followSecretFile({
    setting: 'EDGE_KEYS_FILE',
    path,
    ...(everyMs !== undefined && { everyMs }),
    onProblem: (error) => log.warn({ reason: String(error) }, "edge's keys cannot be followed; those before stay in force"),
    onChange: (changed) => {
      verify = verifierOf(changed);
      log.info({}, "edge's keys have changed");
    },
  });
  let verify = verifierOf(text);
  return { verify: (voucher) => verify(voucher), stop };
}
