/** Something that is used by many at once and can be replaced under them: who has begun ends with the old one, who begins gets the new. */
export class Replaceable<T> {
  readonly #close: (old: T) => unknown;
  #current: { readonly value: T; users: number };

  /** `close` is given each replaced value once nobody uses it any more. */
  constructor(first: T, close: (old: T) => unknown) {
    this.#close = close;
    this.#current = { value: first, users: 0 };
  }

  get current(): T {
    return this.#current.value;
  }

  async use<R>(work: (value: T) => Promise<R>): Promise<R> {
    const mine = this.#current;
    mine.users++;
    try {
      return await work(mine.value);
    } finally {
      mine.users--;
      if (mine !== this.#current && mine.users === 0) this.#close(mine.value);
    }
  }

  replace(next: T): void {
    const before = this.#current;
    this.#current = { value: next, users: 0 };
    if (before.users === 0) this.#close(before.value);
  }
}
