import { verdictOf, windowSeconds, type RateLimiter, type Verdict } from './window.ts';

/**
 * Counts in this process alone. With n replicas a tenant gets up to n times its limit, which is why it only stands in while Redis is away.
 */
export class LocalLimiter implements RateLimiter {
  /** By key, requests by second, oldest first. */
  readonly #counts = new Map<string, Map<number, number>>();
  readonly #clock: () => number;

  /** `clock` in milliseconds. */
  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  take(key: string, limit: number): Promise<Verdict> {
    const now = Math.floor(this.#clock() / 1000);
    const buckets = this.#current(key, now);
    const seconds = [...buckets.keys()];
    const used = buckets.values().reduce((sum, count) => sum + count, 0);
    const verdict = verdictOf({ now, used, oldest: seconds[0] ?? now, newest: seconds.at(-1) ?? now }, limit);
    if (verdict.admitted) buckets.set(now, (buckets.get(now) ?? 0) + 1);
    return Promise.resolve(verdict);
  }

  #current(key: string, now: number): Map<number, number> {
    const buckets = this.#counts.get(key) ?? new Map<number, number>();
    this.#counts.set(key, buckets);
    for (const second of buckets.keys()) if (second < now - windowSeconds) buckets.delete(second);
    return buckets;
  }
}
