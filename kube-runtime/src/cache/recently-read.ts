/** What can give up a tree that it could make again. */
export interface TreeHolder {
  letGo(): void;
}

/**
 * The trees that were read last, over all caches of a process: what every run of a controller looks at, and what one run looks at several times,
 * is parsed once. What is read again stays; all else goes when between one and two generations of others have been read (as in hashlru).
 */
export class RecentlyRead {
  readonly #generation: number;
  #young = new Set<TreeHolder>();
  #old = new Set<TreeHolder>();

  constructor(generation: number) {
    this.#generation = generation;
  }

  note(holder: TreeHolder): void {
    this.#young.add(holder);
    if (this.#young.size < this.#generation) return;
    for (const old of this.#old) if (!this.#young.has(old)) old.letGo();
    this.#old = this.#young;
    this.#young = new Set();
  }
}
