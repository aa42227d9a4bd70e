/** How many calls are in progress with whom, and who waits for one of them to end. */

/** Milliseconds that a call waits for a place. */
const patience = 1_000;

interface Waiting {
  readonly limit: number;
  readonly admit: () => void;
}

export class Places {
  readonly #taken = new Map<string, number>();
  readonly #waiting = new Map<string, Set<Waiting>>();
  readonly #patience: number;

  constructor(patienceMs = patience) {
    this.#patience = patienceMs;
  }

  get taken(): ReadonlyMap<string, number> {
    return this.#taken;
  }

  /** True: a place was taken, and must be given back. False: none became free in time. Rejects with the reason of the signal. */
  async take(name: string, limit: number, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const waiting = this.#waiting.get(name);
    if (!waiting && this.#inProgress(name) < limit) {
      this.#add(name, 1);
      return true;
    }
    return this.#wait(name, limit, signal);
  }

  give(name: string): void {
    this.#add(name, -1);
    this.#admit(name);
  }

  #inProgress(name: string): number {
    return this.#taken.get(name) ?? 0;
  }

  #add(name: string, by: number): void {
    const taken = this.#inProgress(name) + by;
    if (taken > 0) this.#taken.set(name, taken);
    else this.#taken.delete(name);
  }

  #wait(name: string, limit: number, signal: AbortSignal): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const waiting = this.#waiting.get(name) ?? new Set();
    this.#waiting.set(name, waiting);
    const settle = (how: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
      waiting.delete(call);
      if (waiting.size === 0 && this.#waiting.get(name) === waiting) this.#waiting.delete(name);
      how();
    };
    const leave = () => settle(() => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted')));
    const timer = setTimeout(() => settle(() => resolve(false)), this.#patience);
    const call = { limit, admit: () => settle(() => resolve(true)) };
    signal.addEventListener('abort', leave, { once: true });
    waiting.add(call);
    this.#admit(name); // the limit may have been raised while others waited
    return promise;
  }

  /** Who waits longest goes first, by the newest limit that was heard. */
  #admit(name: string): void {
    const waiting = this.#waiting.get(name);
    if (!waiting) return;
    const limit = [...waiting].at(-1)?.limit ?? Infinity;
    for (const call of [...waiting]) {
      if (this.#inProgress(name) >= limit) return;
      this.#add(name, 1);
      call.admit();
    }
  }
}
