/**
 * A rolling minute, in buckets of one second.
 *
 * Guarantee: what is added while `retryIn` says 0, one at a time, is never more than `most` in any 60 seconds. The price of the buckets: room
 * comes up to one second after what took it is a minute old. (A token bucket would admit twice the limit in its first minute, fixed windows
 * twice around a boundary.)
 */
export const windowSeconds = 60;

/** The same is written down for Redis in count-script.ts. */
export class RollingMinute {
  /** By second, oldest first. */
  readonly #buckets = new Map<number, number>();
  #sum = 0;

  /** `now`, here and below, in whole seconds. */
  add(now: number, amount: number): void {
    this.#buckets.set(now, (this.#buckets.get(now) ?? 0) + amount);
    this.#sum += amount;
  }

  used(now: number): number {
    for (const [second, amount] of this.#buckets) {
      if (second >= now - windowSeconds) break;
      this.#buckets.delete(second);
      this.#sum -= amount;
    }
    return this.#sum;
  }

  /** Seconds until less than `most` is used, if nothing more is added. */
  retryIn(now: number, most: number): number {
    let used = this.used(now);
    if (used < most) return 0;
    for (const [second, amount] of this.#buckets) {
      used -= amount;
      if (used < most) return leavesIn(second, now);
    }
    return 0;
  }

  resetIn(now: number): number {
    this.used(now);
    const newest = [...this.#buckets.keys()].at(-1);
    return newest === undefined ? 0 : leavesIn(newest, now);
  }
}

const leavesIn = (second: number, now: number): number => second + windowSeconds + 1 - now;
