import { followSecretFile, SettingsError } from '@cloister/settings';
import type { Logger } from '@cloister/telemetry';
import { X509Certificate } from 'node:crypto';
import type { Authorities } from './relay/agent-connections.ts';

export interface FollowedAuthorities extends Authorities {
  readonly stop: () => void;
}

/** A file of certificates as PEM, and whose word is taken for it. */
interface Trust {
  readonly setting: string;
  readonly path: string;
  /** As they are called in the log. */
  readonly whom: string;
}

/** The operator lets no authority sign before every replica has learned of it, and forgets none too early. */
export const agentsTrust = (path: string): Trust => ({ setting: 'AGENTS_TRUST_FILE', path, whom: 'agents' });
export const issuersTrust = (path: string): Trust => ({ setting: 'ISSUER_AUTHORITIES_FILE', path, whom: 'issuers of tokens' });

/** Throws {@link SettingsError} where there are no certificates to begin with. */
export function followedAuthorities(trust: Trust, log: Logger, everyMs?: number): FollowedAuthorities {
  const { setting, path, whom } = trust;
  let take: (next: string) => void = () => undefined;
  const { text, stop } = followSecretFile({
    setting,
    path,
    ...(everyMs !== undefined && { everyMs }),
    onProblem: (error) => log.warn({ reason: String(error) }, `the authorities of ${whom} cannot be followed; those before stay in force`),
    onChange: (changed) => {
      take(checked(changed, trust));
      log.info({}, `${whom} are trusted by new authorities`);
    },
  });
  return { initial: checked(text, trust), onChange: (next) => (take = next), stop };
}

/** OpenSSL would pass over what is no certificate, and everything behind it. */
function checked(text: string, { setting, path }: Trust): string {
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0) throw new SettingsError([`${setting}: ${path} holds no certificate; expected one or more as PEM`]);
  for (const [index, certificate] of certificates.entries()) {
    try {
      new X509Certificate(certificate);
    } catch {
      throw new SettingsError([
        `${setting}: certificate ${index + 1} of ${certificates.length} in ${path} cannot be read; take it out, or replace it`,
      ]);
    }
  }
  return text;
}
