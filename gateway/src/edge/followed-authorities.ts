import { followSecretFile } from '@cloister/settings';
import type { Logger } from '@cloister/telemetry';
import { X509Certificate } from 'node:crypto';
import type { Authorities } from './relay/agent-connections.ts';

export interface FollowedAuthorities extends Authorities {
  readonly stop: () => void;
}

/** Those whose certificates stand in a file. The operator lets none sign before every replica has learned of it, and forgets none too early. */
export function followedAuthorities(path: string, log: Logger, everyMs?: number): FollowedAuthorities {
  let take: (next: string) => void = () => undefined;
  const { text, stop } = followSecretFile({
    setting: 'AGENTS_TRUST_FILE',
    path,
    ...(everyMs !== undefined && { everyMs }),
    onProblem: (error) => log.warn({ reason: String(error) }, 'the authorities of agents cannot be followed; those before stay in force'),
    onChange: (changed) => {
      take(checked(changed));
      log.info({}, 'agents are trusted by new authorities');
    },
  });
  return { initial: checked(text), onChange: (next) => (take = next), stop };
}

/** OpenSSL would pass over what is no certificate, and trust nobody. */
function checked(text: string): string {
  new X509Certificate(text);
  return text;
}
