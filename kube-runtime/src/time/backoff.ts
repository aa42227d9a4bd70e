export interface BackoffOptions {
  readonly firstMs: number;
  readonly capMs: number;
  /** Every pause is stretched by a random share of itself up to this. Spreads a fleet that lost the same server. */
  readonly jitter: number;
  /** A success that lasts this long starts over from the first pause. */
  readonly resetAfterMs: number;
}

/** The reflector's pauses of client-go: 0.8 s doubled to 30 s, jitter 1.0, forgotten after two calm minutes. */
export const listWatchBackoff: BackoffOptions = { firstMs: 800, capMs: 30_000, jitter: 1, resetAfterMs: 120_000 };

/** Growing pauses between tries of one thing. */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: () => number;
  #failures = 0;
  #lastFailure = -Infinity;

  constructor(options: BackoffOptions, random: () => number = Math.random) {
    this.#options = options;
    this.#random = random;
  }

  /** Milliseconds to wait after one more failure. Never above the cap. */
  next(now: number = performance.now()): number {
    const { firstMs, capMs, jitter, resetAfterMs } = this.#options;
    if (now - this.#lastFailure > resetAfterMs) this.#failures = 0;
    this.#lastFailure = now;
    const plain = firstMs * 2 ** Math.min(this.#failures++, 30);
    return Math.min(capMs, plain * (1 + jitter * this.#random()));
  }

  /** What failed works again: the next failure starts at the first pause. */
  reset(): void {
    this.#failures = 0;
    this.#lastFailure = -Infinity;
  }

  /** No failure within the calm time: the next pause would be the first one. */
  isFresh(now: number = performance.now()): boolean {
    return now - this.#lastFailure > this.#options.resetAfterMs;
  }
}
