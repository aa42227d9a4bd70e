import { followSecretFile } from '@cloister/settings';
import type { Logger } from '@cloister/telemetry';
import type { SecureContextOptions } from 'node:tls';

export interface ServingCertificate {
  /** With it a server begins. */
  readonly initial: SecureContextOptions;
  /** Told what to go on with. Connections that are there keep what they began with. */
  readonly onChange: (take: (next: SecureContextOptions) => void) => void;
  readonly stop: () => void;
}

/** Edge and kubelets, the only ones who call, speak it. */
const minVersion = 'TLSv1.3';

/** Certificate and key in one file, which is followed. What does not fit together is not taken: the one before stays in use. */
export function followedCertificate(path: string, logger: Logger, everyMs?: number): ServingCertificate {
  let take: (next: SecureContextOptions) => void = () => undefined;
  const optionsOf = (text: string): SecureContextOptions => ({ cert: text, key: text, minVersion });
  const { text, stop } = followSecretFile({
    setting: 'SERVING_FILE',
    path,
    ...(everyMs !== undefined && { everyMs }),
    // Without the error, which might quote the key.
    onProblem: () => logger.warn({}, 'The serving certificate cannot be followed; the one before stays in use'),
    onChange: (changed) => {
      take(optionsOf(changed));
      logger.info({}, 'Agent serves with a new certificate');
    },
  });
  return { initial: optionsOf(text), onChange: (next) => (take = next), stop };
}
