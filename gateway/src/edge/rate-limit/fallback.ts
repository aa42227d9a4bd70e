import type { Logger } from '@cloister/telemetry';
import { LocalLimiter } from './local-limiter.ts';
import type { RateLimiter, Verdict } from './window.ts';

export interface FallbackOptions {
  readonly shared: RateLimiter;
  readonly local?: RateLimiter;
  readonly log: Logger;
  /** Called for every request that was counted in this process alone. */
  readonly onFallback: () => void;
}

/** Milliseconds between two log lines about the same outage. */
const logEvery = 10_000;

/**
 * The shared limiter while it answers, else a count per process: a tenant may then get its limit once per replica, which harms less than
 * refusing everybody or limiting nobody. Requests are never lost over it.
 */
export function withFallback({ shared, local = new LocalLimiter(), log, onFallback }: FallbackOptions): RateLimiter {
  let silentUntil = 0;
  const report = (error: unknown) => {
    onFallback();
    if (Date.now() < silentUntil) return;
    silentUntil = Date.now() + logEvery;
    const reason = error instanceof Error ? error.message : 'unknown';
    log.warn({ reason }, 'the shared rate limit cannot be reached; limits hold per replica until it can');
  };
  return {
    take: async (key, limit): Promise<Verdict> => {
      try {
        return await shared.take(key, limit);
      } catch (error) {
        report(error);
        return local.take(key, limit);
      }
    },
  };
}
