/**
 * Requests per minute as a rolling minute, counted in buckets of one second.
 *
 * Guarantee: never more than `limit` requests are admitted in any 60 seconds. The price of the buckets: a place becomes free up to one
 * second after it is a minute old. (A token bucket would admit twice the limit in its first minute, fixed windows twice around a boundary.)
 */

export const windowSeconds = 60;

export interface Verdict {
  readonly admitted: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Seconds until the whole limit is free again, if nothing more is asked. */
  readonly resetSeconds: number;
  /** Seconds until one more request may be admitted. 0 when one may now. */
  readonly retrySeconds: number;
}

export interface RateLimiter {
  /** Counts one request of `key` if it is admitted. A refused request is not counted, so that waiting always helps. */
  take(key: string, limit: number): Promise<Verdict>;
}

/** `oldest` and `newest`: the seconds of the first and the last bucket in use, before this request was counted. */
export interface Count {
  readonly now: number;
  readonly used: number;
  readonly oldest: number;
  readonly newest: number;
}

export function verdictOf({ now, used, oldest, newest }: Count, limit: number): Verdict {
  const admitted = used < limit;
  return {
    admitted,
    limit,
    remaining: Math.max(0, limit - used - (admitted ? 1 : 0)),
    resetSeconds: admitted ? windowSeconds + 1 : newest + windowSeconds + 1 - now,
    retrySeconds: admitted ? 0 : oldest + windowSeconds + 1 - now,
  };
}
