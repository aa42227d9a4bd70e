import { Fifo } from './fifo.ts';

/**
 * Items of many groups: each group in turn gives one, its eldest.
 *
 * So a group with a thousand items delays another group's only item by one turn. A group that had nothing joins at the end of the round:
 * it cannot gain by coming often.
 */
export class RoundRobin<T> {
  readonly #withdrawn: (item: T) => boolean;
  readonly #items = new Map<string, Fifo<T>>();
  readonly #turns = new Fifo<string>();

  /** Items for which `withdrawn` holds are dropped when their turn comes, and cost their group no turn. */
  constructor(withdrawn: (item: T) => boolean) {
    this.#withdrawn = withdrawn;
  }

  push(group: string, item: T): void {
    const own = this.#items.get(group);
    if (own) {
      own.push(item);
      return;
    }
    const first = new Fifo<T>();
    first.push(item);
    this.#items.set(group, first);
    this.#turns.push(group);
  }

  /** Whose turn it is. */
  peek(): T | undefined {
    for (let group = this.#turns.peek(); group !== undefined; group = this.#turns.peek()) {
      const first = this.#firstOf(group);
      if (first !== undefined) return first;
      this.#turns.shift();
      this.#items.delete(group);
    }
    return undefined;
  }

  take(): T | undefined {
    const item = this.peek();
    const group = this.#turns.peek();
    if (item === undefined || group === undefined) return undefined;
    this.#items.get(group)?.shift();
    this.#turns.shift();
    if (this.#firstOf(group) === undefined) this.#items.delete(group);
    else this.#turns.push(group);
    return item;
  }

  #firstOf(group: string): T | undefined {
    const own = this.#items.get(group);
    for (let item = own?.peek(); item !== undefined; item = own?.peek()) {
      if (!this.#withdrawn(item)) return item;
      own?.shift();
    }
    return undefined;
  }
}
