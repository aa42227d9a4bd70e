/** Counts failures per key in a row and turns them into pauses: 5 ms, 10 ms, 20 ms, … up to a cap. */
export class Failures {
  readonly #counts = new Map<string, number>();
  readonly #firstMs: number;
  readonly #capMs: number;

  constructor(capMs: number, firstMs = 5) {
    this.#capMs = capMs;
    this.#firstMs = firstMs;
  }

  /** Notes one more failure; returns the milliseconds to wait before the next try. */
  next(key: string): number {
    const before = this.#counts.get(key) ?? 0;
    this.#counts.set(key, before + 1);
    return Math.min(this.#capMs, this.#firstMs * 2 ** Math.min(before, 40));
  }

  count(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  forget(key: string): void {
    this.#counts.delete(key);
  }
}
