import { Heap } from './heap.ts';

export interface Wake {
  readonly key: string;
  readonly priority: number;
  readonly dueAt: number;
}

/** Wakes whose time has not come, for each key one of a priority at most: a wake is not kept where another of its key is as early and as high. */
export class Wakes {
  readonly #byKey = new Map<string, readonly Wake[]>();
  /** Those removed are left where they are and skipped, up to as many as there are of the others. */
  #heap = newHeap();
  #live = 0;

  /** With those that were removed and still take up room. */
  get size(): number {
    return this.#heap.size;
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  add(wake: Wake): void {
    const others = this.#of(wake.key);
    if (others.some((other) => covers(other, wake))) return;
    this.#keep(wake.key, [...others.filter((other) => !covers(wake, other)), wake]);
    this.#heap.push(wake);
    if (this.#heap.size > 2 * this.#live) this.#rebuild();
  }

  /** Removes all of the key, and returns them. */
  remove(key: string): readonly Wake[] {
    const removed = this.#of(key);
    this.#keep(key, []);
    return removed;
  }

  /** When the first comes due. */
  get nextAt(): number | undefined {
    return this.#first?.dueAt;
  }

  /** Removes the first if it is due. */
  takeDue(now: number): Wake | undefined {
    const first = this.#first;
    if (!first || first.dueAt > now) return undefined;
    this.#heap.pop();
    this.#keep(
      first.key,
      this.#of(first.key).filter((wake) => wake !== first),
    );
    return first;
  }

  get #first(): Wake | undefined {
    for (let first = this.#heap.peek(); first; first = this.#heap.peek()) {
      if (this.#of(first.key).includes(first)) return first;
      this.#heap.pop();
    }
    return undefined;
  }

  #of(key: string): readonly Wake[] {
    return this.#byKey.get(key) ?? [];
  }

  #rebuild(): void {
    this.#heap = newHeap();
    for (const wakes of this.#byKey.values()) for (const wake of wakes) this.#heap.push(wake);
  }

  #keep(key: string, wakes: readonly Wake[]): void {
    this.#live += wakes.length - this.#of(key).length;
    if (wakes.length > 0) this.#byKey.set(key, wakes);
    else this.#byKey.delete(key);
  }
}

const newHeap = () => new Heap<Wake>((a, b) => a.dueAt < b.dueAt);

const covers = (one: Wake, other: Wake): boolean => one.dueAt <= other.dueAt && one.priority >= other.priority;
