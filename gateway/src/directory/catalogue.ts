/**
 * Documents by the name of the object that holds them, with indexes that are kept current one document at a time: a change costs the
 * same with ten tenants and with a thousand, and so does a look-up.
 */
export class Catalogue<T> {
  readonly #documents = new Map<string, T>();
  readonly #indexes: Index<T>[] = [];

  /** Adds a look-up that lists every document under each of its keys. Covers what is already here. */
  index(keysOf: (document: T) => readonly string[]): (key: string) => readonly T[] {
    const index = new Index(keysOf);
    for (const document of this.#documents.values()) index.add(document);
    this.#indexes.push(index);
    return (key) => index.all(key);
  }

  /** Adds a look-up by a key that only one document may claim. A key that two claim belongs to neither. */
  unique(keysOf: (document: T) => readonly string[]): (key: string) => T | undefined {
    const all = this.index(keysOf);
    return (key) => {
      const found = all(key);
      return found.length === 1 ? found[0] : undefined;
    };
  }

  get(name: string): T | undefined {
    return this.#documents.get(name);
  }

  put(name: string, document: T): void {
    this.remove(name);
    this.#documents.set(name, document);
    for (const index of this.#indexes) index.add(document);
  }

  remove(name: string): void {
    const document = this.#documents.get(name);
    if (document === undefined) return;
    this.#documents.delete(name);
    for (const index of this.#indexes) index.delete(document);
  }

  all(): Iterable<T> {
    return this.#documents.values();
  }

  get size(): number {
    return this.#documents.size;
  }
}

class Index<T> {
  readonly #found = new Map<string, readonly T[]>();
  readonly #keysOf: (document: T) => readonly string[];

  constructor(keysOf: (document: T) => readonly string[]) {
    this.#keysOf = keysOf;
  }

  all(key: string): readonly T[] {
    return this.#found.get(key) ?? [];
  }

  add(document: T): void {
    for (const key of new Set(this.#keysOf(document))) this.#found.set(key, [...this.all(key), document]);
  }

  delete(document: T): void {
    for (const key of new Set(this.#keysOf(document))) {
      const rest = this.all(key).filter((other) => other !== document);
      if (rest.length > 0) this.#found.set(key, rest);
      else this.#found.delete(key);
    }
  }
}
