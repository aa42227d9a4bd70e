import type { Logger } from '@cloister/telemetry';
import type { Forfeit, Ledger } from './ledger.ts';

/** Seconds without a heartbeat after which the leases of a replica count as spent. Safety does not depend on it: they are reserved before. */
export const silence = 15;

/** Milliseconds. */
const interval = 5_000;

/** Looks for replicas that have died, on every replica, as long as it runs. Returns how to stop. */
export function keepExpiring(ledger: Ledger, log: Logger, forfeited: (forfeit: Forfeit) => void): () => void {
  const look = async () => {
    try {
      for (const forfeit of await ledger.expireSilent(silence)) {
        forfeited(forfeit);
        const { replica, leases, microUsd, tokens } = forfeit;
        log.warn(
          { replica, leases, microUsd: String(microUsd), tokens: String(tokens) },
          'what a replica held that has fallen silent counts as spent',
        );
      }
    } catch (error) {
      log.warn({ reason: error instanceof Error ? error.message : 'unknown' }, 'the ledger cannot be reached to look for silent replicas');
    }
  };
  const timer = setInterval(() => void look(), interval);
  return () => clearInterval(timer);
}
