/**
 * How many calls are in progress with whom, and who waits for one of them to end.
 *
 * Guarantee: a place that becomes free goes to the tenant that has the fewest, so that one with many calls keeps no other out; among equals to who
 * has waited longest.
 */

/** Milliseconds that a call waits for a place. */
const patience = 1_000;

interface Waiting {
  readonly tenant: string;
  readonly limit: number;
  readonly admit: () => void;
}

export class Places {
  readonly #taken = new Map<string, number>();
  /** The same by name and tenant. */
  readonly #byTenant = new Map<string, Map<string, number>>();
  readonly #waiting = new Map<string, Set<Waiting>>();
  readonly #patience: number;

  constructor(patienceMs = patience) {
    this.#patience = patienceMs;
  }

  get taken(): ReadonlyMap<string, number> {
    return this.#taken;
  }

  /** True: a place was taken, and must be given back. False: none became free in time. Rejects with the reason of the signal. */
  async take(name: string, tenant: string, limit: number, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const waiting = this.#waiting.get(name);
    if (!waiting && this.#inProgress(name) < limit) {
      this.#add(name, tenant, 1);
      return true;
    }
    return this.#wait(name, tenant, limit, signal);
  }

  give(name: string, tenant: string): void {
    this.#add(name, tenant, -1);
    this.#admit(name);
  }

  #inProgress(name: string): number {
    return this.#taken.get(name) ?? 0;
  }

  #of(name: string, tenant: string): number {
    return this.#byTenant.get(name)?.get(tenant) ?? 0;
  }

  #add(name: string, tenant: string, by: number): void {
    const ofName = this.#byTenant.get(name) ?? new Map<string, number>();
    put(ofName, tenant, this.#of(name, tenant) + by);
    put(this.#taken, name, this.#inProgress(name) + by);
    if (ofName.size > 0) this.#byTenant.set(name, ofName);
    else this.#byTenant.delete(name);
  }

  #wait(name: string, tenant: string, limit: number, signal: AbortSignal): Promise<boolean> {
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
    const call = { tenant, limit, admit: () => settle(() => resolve(true)) };
    signal.addEventListener('abort', leave, { once: true });
    waiting.add(call);
    this.#admit(name); // the limit may have been raised while others waited
    return promise;
  }

  /** By the newest limit that was heard. */
  #admit(name: string): void {
    const waiting = this.#waiting.get(name);
    if (!waiting) return;
    const limit = [...waiting].at(-1)?.limit ?? Infinity;
    while (waiting.size > 0 && this.#inProgress(name) < limit) {
      const next = [...waiting].reduce((best, call) => (this.#of(name, call.tenant) < this.#of(name, best.tenant) ? call : best));
      this.#add(name, next.tenant, 1);
      next.admit();
    }
  }
}

function put(counts: Map<string, number>, key: string, count: number): void {
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
