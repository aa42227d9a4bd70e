import type { Logger } from '@cloister/telemetry';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds. */
const pauses = { first: 250, longest: 5_000 };

export interface OutboxOptions<T> {
  /** For the log: what cannot be done yet. */
  readonly what: string;
  readonly log: Logger;
  /** Delivers some of it, in order. When it rejects, the same are given again. */
  readonly deliver: (items: readonly T[]) => Promise<void>;
  /** How many are delivered together. */
  readonly together?: number;
  /** Beyond this many, an item makes earlier ones needless that it replaces. */
  readonly most?: number;
  readonly replaces?: (newer: T, older: T) => boolean;
}

/** Delivers what it is given in the background, in order, again and again until it is taken. */
export class Outbox<T> {
  readonly #options: OutboxOptions<T>;
  readonly #closing = new AbortController();
  #waiting: T[] = [];
  #working: Promise<void> | undefined;

  constructor(options: OutboxOptions<T>) {
    this.#options = options;
  }

  put(item: T): void {
    const { most = 10_000, replaces, together = 1 } = this.#options;
    if (this.#waiting.length >= most && replaces)
      this.#waiting = this.#waiting.filter((older, place) => place < together || !replaces(item, older));
    this.#waiting.push(item);
    this.#working ??= this.#work().finally(() => (this.#working = undefined));
  }

  /** Gives what waits one last try. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#working;
  }

  async #work(): Promise<void> {
    const { what, log, deliver, together = 1 } = this.#options;
    let pause = pauses.first;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, together);
      try {
        await deliver(batch);
        this.#waiting.splice(0, batch.length);
        pause = pauses.first;
      } catch (error) {
        const reason = error instanceof Error ? error.message : 'unknown';
        log.warn({ what, reason, waiting: this.#waiting.length, retryMs: pause }, 'not yet');
        if (this.#closing.signal.aborted) return;
        await sleep(pause, undefined, { signal: this.#closing.signal }).catch(() => undefined);
        pause = Math.min(pause * 2, pauses.longest);
      }
    }
  }
}
