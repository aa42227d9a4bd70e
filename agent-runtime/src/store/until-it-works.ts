import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@cloister/telemetry';

const firstPauseMs = 250;
const longestPauseMs = 5_000;

/**
 * Repeats `attempt` until it works or `signal` aborts; resolves with whether it worked. Every failure counts as one that may pass: at
 * start-up a wrong password or a missing schema only means that the operator is not done yet.
 */
export async function untilItWorks(attempt: () => Promise<void>, logger: Logger, signal: AbortSignal): Promise<boolean> {
  for (let pause = firstPauseMs; !signal.aborted; pause = Math.min(pause * 2, longestPauseMs)) {
    try {
      await attempt();
      return true;
    } catch (error) {
      logger.warn({ reason: error instanceof Error ? error.message : 'unknown', retryInMs: pause }, 'Database not ready');
      await sleep(pause, undefined, { signal }).catch(() => undefined);
    }
  }
  return false;
}
