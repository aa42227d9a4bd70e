import { Fifo } from './fifo.ts';

/**
 * Items of many groups: each group in turn gives `quantum` of its own at most, the eldest first (deficit round robin with items of one size,
 * Shreedhar and Varghese 1996).
 *
 * So a group with a thousand items delays another group's only item by one turn. A group that had nothing joins at the end of the round:
 * it cannot gain by coming often.
 */
export class RoundRobin<T> {
  readonly #withdrawn: (item: T) => boolean;
  readonly #items = new Map<string, Fifo<T>>();
  readonly #turns = new Fifo<string>();
  readonly #quantum: number;
  /** In the turn that goes on. */
  #taken = 0;

  /** Items for which `withdrawn` holds are dropped when their turn comes, and cost their group no turn. */
  constructor(withdrawn: (item: T) => boolean, quantum = 1) {
    this.#withdrawn = withdrawn;
    this.#quantum = quantum;
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
      this.#endTurn();
      this.#items.delete(group);
    }
    return undefined;
  }

  take(): T | undefined {
    const item = this.peek();
    const group = this.#turns.peek();
    if (item === undefined || group === undefined) return undefined;
    this.#items.get(group)?.shift();
    this.#taken++;
    if (this.#firstOf(group) === undefined) {
      this.#endTurn();
      this.#items.delete(group);
    } else if (this.#taken >= this.#quantum) {
      this.#endTurn();
      this.#turns.push(group);
    }
    return item;
  }

  #endTurn(): void {
    this.#turns.shift();
    this.#taken = 0;
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
