import { RoundRobin } from './round-robin.ts';

export interface Ready {
  readonly group: string;
  readonly priority: number;
  readonly addedAt: number;
}

interface Level<T> {
  readonly priority: number;
  readonly items: RoundRobin<T>;
}

/** What nobody waits for goes by so many of a group together: runs that follow each other read the same objects. */
const togetherBelowNormal = 4;
/** One in so many goes to a lower priority, if one waits. */
const lowerShare = 10;

/**
 * What may be handed out now: the highest priority first, and within a priority one group after the other, a few of each below the normal one.
 *
 * Guarantee: however much of a high priority comes, one in ten goes to the lower ones, to the one that has waited longest there. So a
 * replayed list gets done under a storm of edits, while edits hardly notice the list.
 */
export class ReadyKeys<T extends Ready> {
  readonly #withdrawn: (item: T) => boolean;
  /** The highest first; a handful, so that looking through them costs nothing. */
  #levels: Level<T>[] = [];
  #inARow = 0;

  constructor(withdrawn: (item: T) => boolean) {
    this.#withdrawn = withdrawn;
  }

  push(item: T): void {
    this.#levelOf(item.priority).items.push(item.group, item);
  }

  /** `lowToo`: also what is below the normal priority. */
  take(lowToo = true): T | undefined {
    this.#levels = this.#levels.filter(({ items }) => items.peek() !== undefined);
    const [highest, ...lower] = lowToo ? this.#levels : this.#levels.filter(({ priority }) => priority >= 0);
    if (lower.length === 0) return highest?.items.take();
    this.#inARow += 1;
    if (this.#inARow < lowerShare) return highest?.items.take();
    this.#inARow = 0;
    return eldest(lower)?.items.take();
  }

  #levelOf(priority: number): Level<T> {
    const known = this.#levels.find((level) => level.priority === priority);
    if (known) return known;
    const level = { priority, items: new RoundRobin(this.#withdrawn, priority < 0 ? togetherBelowNormal : 1) };
    this.#levels = [...this.#levels, level].sort((a, b) => b.priority - a.priority);
    return level;
  }
}

function eldest<T extends Ready>(levels: readonly Level<T>[]): Level<T> | undefined {
  const waitingSince = ({ items }: Level<T>): number => items.peek()?.addedAt ?? Infinity;
  return levels.reduce<Level<T> | undefined>(
    (first, level) => (first && waitingSince(first) <= waitingSince(level) ? first : level),
    undefined,
  );
}
