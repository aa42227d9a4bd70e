/**
 * Remembers what was found in order a short while ago. Postgres and Redis report no changes, so their state is looked at again after
 * `seconds`, spread by a tenth so that not all tenants come at once; in between, a reconcile for another cause asks them nothing.
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
    this.#entries.set(name, { fingerprint, until: now + this.#seconds * 1000 * (0.9 + Math.random() * 0.1) });
  }

  forget(name: string): void {
    this.#entries.delete(name);
  }
}
