/** The part of its time after which an entry is old. */
const freshShare = 0.9;

/** When to look again, in milliseconds: within the last tenth of the time, so that tenants that came together do not come together again. */
export const nextLookMs = (seconds: number): number => seconds * 1000 * (freshShare + (1 - freshShare) * Math.random());

/**
 * Remembers what was found in order a short while ago. Postgres and Redis report no changes, so their state is looked at again within
 * `seconds`; until shortly before that, a reconcile for another cause asks them nothing.
 */
export class Recent {
  readonly #seconds: number;
  readonly #entries = new Map<string, { readonly fingerprint: string; readonly until: number }>();

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  has(name: string, fingerprint: string, now: number = performance.now()): boolean {
    const entry = this.#entries.get(name);
    return entry !== undefined && entry.fingerprint === fingerprint && now < entry.until;
  }

  note(name: string, fingerprint: string, now: number = performance.now()): void {
    this.#entries.set(name, { fingerprint, until: now + this.#seconds * 1000 * freshShare });
  }

  forget(name: string): void {
    this.#entries.delete(name);
  }

  forgetAll(): void {
    this.#entries.clear();
  }
}
