import type { Logger } from '@cloister/telemetry';
import type { Ledger } from './ledger.ts';

/** Milliseconds. Reservations outlive their calls by a minute anyway, so nothing is gained by looking more often. */
const interval = 15_000;

/** Folds what dead gateways have reserved, on every replica, as long as it runs. Returns how to stop. */
export function keepFolding(ledger: Ledger, log: Logger, folded: (calls: number) => void): () => void {
  const look = async () => {
    try {
      const calls = await ledger.foldExpired();
      folded(calls);
      if (calls > 0) log.warn({ calls }, 'calls of a gateway that is gone were counted in full');
    } catch (error) {
      log.warn({ reason: error instanceof Error ? error.message : 'unknown' }, 'the ledger cannot be reached to fold expired reservations');
    }
  };
  const timer = setInterval(() => void look(), interval);
  return () => clearInterval(timer);
}
