import type { Logger } from '@cloister/telemetry';
import { hasEnd, isAdmitted, type Claim, type RateLimiter, type Standing } from './limiter.ts';
import { LocalLimiter } from './local-limiter.ts';

export interface FallbackOptions {
  readonly shared: RateLimiter;
  readonly local?: RateLimiter;
  readonly log: Logger;
  /** Called for every request that was counted in this process alone. */
  readonly onFallback: () => void;
}

export interface CountingLimiter {
  /** As {@link RateLimiter.take}. Never rejects. */
  take(claim: Claim): Promise<readonly Standing[]>;
  /** As {@link RateLimiter.end}. What is told twice happens once. */
  end(claim: Claim, tokens: number): void;
  /** As {@link RateLimiter.close}. */
  close(): Promise<void>;
}

/** Milliseconds between two log lines about the same outage. */
const logEvery = 10_000;

/**
 * The shared limiter while it answers, else a count per process: a tenant may then get its limits once per replica, which harms less than
 * refusing everybody or limiting nobody. Requests are never lost over it; they end where they were counted.
 */
export function withFallback({ shared, local = new LocalLimiter(), log, onFallback }: FallbackOptions): CountingLimiter {
  const inProgress = new Map<Claim, RateLimiter>();
  let silentUntil = 0;
  const report = (error: unknown) => {
    if (Date.now() < silentUntil) return;
    silentUntil = Date.now() + logEvery;
    const reason = error instanceof Error ? error.message : 'unknown';
    log.warn({ reason }, 'the shared rate limit cannot be reached; limits hold per replica until it can');
  };
  const takeFrom = async (limiter: RateLimiter, claim: Claim) => {
    const standings = await limiter.take(claim);
    if (isAdmitted(standings) && hasEnd(claim)) inProgress.set(claim, limiter);
    return standings;
  };
  return {
    take: (claim) =>
      takeFrom(shared, claim).catch((error: unknown) => {
        onFallback();
        report(error);
        return takeFrom(local, claim);
      }),
    end: (claim, tokens) => {
      inProgress.get(claim)?.end(claim, tokens);
      inProgress.delete(claim);
    },
    close: () => shared.close(),
  };
}
