import type { Logger } from '@cloister/telemetry';
import { setTimeout as sleep } from 'node:timers/promises';

const pauses = { first: 250, longest: 5_000 };

/** Tries again until it succeeds or `signal` aborts: what a process needs at its start may come up after it. Never rejects. */
export async function untilDone(what: string, log: Logger, signal: AbortSignal, attempt: () => Promise<unknown>): Promise<void> {
  for (let pause = pauses.first; !signal.aborted; pause = Math.min(pause * 2, pauses.longest)) {
    try {
      await attempt();
      return;
    } catch (error) {
      log.warn({ what, retryMs: pause, reason: error instanceof Error ? error.message : 'unknown' }, 'not yet');
      await sleep(pause, undefined, { signal }).catch(() => undefined); // an abort ends the loop by its condition
    }
  }
}
