import { isAdmitted, type Claim, type Limit, type RateLimiter, type Standing } from './limiter.ts';
import { RollingMinute, windowSeconds } from './rolling-minute.ts';

/**
 * Counts in this process alone. With n replicas a tenant gets up to n times its limits, which is why it only stands in while Redis is away.
 */
export class LocalLimiter implements RateLimiter {
  readonly #minutes = new Map<string, RollingMinute>();
  readonly #inProgress = new Map<string, Set<Claim>>();
  readonly #clock: () => number;
  #sweepAt = 0;

  /** `clock` in milliseconds. */
  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  take(claim: Claim): Promise<readonly Standing[]> {
    const { limits } = claim;
    const now = this.#now();
    this.#sweep(now);
    const standings = limits.map((limit) => this.#standing(limit, now));
    if (isAdmitted(standings)) {
      for (const { counted, key } of limits) {
        if (counted === 'requests') this.#minute(key).add(now, 1);
        if (counted === 'concurrent') this.#places(key).add(claim);
      }
    }
    return Promise.resolve(standings);
  }

  end(claim: Claim, tokens: number): void {
    for (const { counted, key } of claim.limits) {
      if (counted === 'tokens' && tokens > 0) this.#minute(key).add(this.#now(), tokens);
      if (counted === 'concurrent') this.#leave(key, claim);
    }
  }

  /** Nothing is counted ahead. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  /** How many counts are kept. */
  get size(): number {
    return this.#minutes.size + this.#inProgress.size;
  }

  #standing({ counted, key, most }: Limit, now: number): Standing {
    if (counted === 'concurrent') {
      const used = this.#inProgress.get(key)?.size ?? 0;
      return { used, resetSeconds: 0, retrySeconds: used < most ? 0 : 1 };
    }
    const minute = this.#minute(key);
    return { used: minute.used(now), resetSeconds: minute.resetIn(now), retrySeconds: minute.retryIn(now, most) };
  }

  #minute(key: string): RollingMinute {
    return entry(this.#minutes, key, () => new RollingMinute());
  }

  #places(key: string): Set<Claim> {
    return entry(this.#inProgress, key, () => new Set());
  }

  #leave(key: string, claim: Claim): void {
    const places = this.#places(key);
    places.delete(claim);
    if (places.size === 0) this.#inProgress.delete(key);
  }

  /** Once a minute, so that users who were here once are not kept for ever. */
  #sweep(now: number): void {
    if (now < this.#sweepAt) return;
    this.#sweepAt = now + windowSeconds;
    for (const [key, minute] of this.#minutes) if (minute.used(now) === 0) this.#minutes.delete(key);
  }

  #now(): number {
    return Math.floor(this.#clock() / 1000);
  }
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
