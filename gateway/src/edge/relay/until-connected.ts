import { setTimeout as sleep } from 'node:timers/promises';
import { NotConnected } from './agent-connections.ts';

/**
 * Milliseconds before each further try. For about that long a Service may go on to name a pod that has ended, as node by node learns of it, and name
 * no pod that has just started; most requests find another one at once.
 */
const pauses = [0, 50, 150, 300, 500, 500];
/** Milliseconds after which no more than the second try is made: where connections time out rather than being refused, callers have waited enough. */
const patience = 2_000;

/** Tries again while no connection comes about and a caller waits. Rejects as the last attempt does, or with an AbortError once `gone` aborts. */
export async function untilConnected<T>(attempt: () => Promise<T>, gone: AbortSignal): Promise<T> {
  const began = performance.now();
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      const pause = pauses[tries];
      const isLast = pause === undefined || (tries > 0 && performance.now() - began > patience);
      if (isLast || gone.aborted || !(error instanceof NotConnected)) throw error;
      await sleep(pause, undefined, { signal: gone });
    }
  }
}
