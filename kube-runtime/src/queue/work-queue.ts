import { Failures } from './failures.ts';
import { Heap } from './heap.ts';
import { noQueueMetrics, type QueueMetrics } from './queue-metrics.ts';
import { ReadyKeys } from './ready-keys.ts';

/** What replays of lists are worth: edits that happen now go first. The number is controller-runtime's. */
export const lowPriority = -100;

export interface AddOptions {
  /** Higher goes first, though the lower never waits for ever: see `ReadyKeys`. Default 0. */
  readonly priority?: number;
  /** Milliseconds to wait first. Default none. */
  readonly afterMs?: number;
}

export interface WorkQueueOptions {
  /** Longest pause between retries, milliseconds. */
  readonly maxBackoffMs: number;
  /** Which keys share their turns. Among equal priorities every group in turn gives one key. Default: all are one group. */
  readonly group?: (key: string) => string;
  /**
   * How many keys of a priority below the normal one are worked on at a time while one of the normal priority is: when the API server is slow, what
   * nobody waits for must not be in front of it. Default: any number.
   */
  readonly lowBesideNormal?: number;
  readonly metrics?: QueueMetrics;
  readonly now?: () => number;
}

interface Item {
  readonly key: string;
  readonly group: string;
  priority: number;
  /** When it may be handed out. */
  dueAt: number;
  addedAt: number;
  /** Where it stands; `replaced` items are left where they were and skipped. */
  place: 'delayed' | 'ready' | 'held' | 'replaced' | 'out';
}

interface Working {
  readonly since: number;
  readonly low: boolean;
  /** Its worker has gone on to other keys. */
  late: boolean;
}

/**
 * Keys that need work.
 *
 * Guarantees: a key is handed to one worker at a time; a key added while it is worked on is handed out once more afterwards; a key
 * waiting already is not added twice, but takes the higher priority and the earlier time; among equals of a group, first come, first served;
 * no group and no priority waits for ever.
 */
export class WorkQueue {
  readonly #failures: Failures;
  readonly #metrics: QueueMetrics;
  readonly #group: (key: string) => string;
  readonly #now: () => number;
  readonly #items = new Map<string, Item>();
  readonly #working = new Map<string, Working>();
  readonly #lowBesideNormal: number;
  /** Those whose workers have not gone on. */
  readonly #busy = { low: 0, normal: 0 };
  readonly #ready = new ReadyKeys<Item>(({ place }) => place === 'replaced');
  readonly #delayed = new Heap<Item>((a, b) => a.dueAt < b.dueAt);
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: WorkQueueOptions) {
    const { maxBackoffMs, group = () => '', lowBesideNormal = Infinity, metrics = noQueueMetrics, now = () => performance.now() } = options;
    this.#failures = new Failures(maxBackoffMs);
    this.#metrics = metrics;
    this.#group = group;
    this.#lowBesideNormal = lowBesideNormal;
    this.#now = now;
    metrics.observe(() => this.#load());
  }

  add(key: string, { priority = 0, afterMs = 0 }: AddOptions = {}): void {
    if (this.#closed) return;
    const now = this.#now();
    const wanted = { key, group: this.#group(key), priority, dueAt: now + afterMs, addedAt: now, place: 'held' as const };
    const waiting = this.#items.get(key);
    if (!waiting) this.#metrics.added();
    else if (waiting.priority >= priority && waiting.dueAt <= wanted.dueAt) return;
    const item: Item = waiting ? this.#replace(waiting, wanted) : wanted;
    this.#items.set(key, item);
    if (!this.#working.has(key)) this.#place(item);
    this.#handOut();
  }

  /** Adds a key that failed, after a pause that doubles with every failure in a row. Returns the pause. */
  retry(key: string, priority = 0): number {
    const afterMs = this.#failures.next(key);
    this.#metrics.retried();
    this.add(key, { priority, afterMs });
    return afterMs;
  }

  /** The key did well: its next failure starts at the shortest pause. */
  forget(key: string): void {
    this.#failures.forget(key);
  }

  failures(key: string): number {
    return this.#failures.count(key);
  }

  /** The next key; undefined once the queue is closed. */
  take(): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#takers.push(resolve);
      this.#handOut();
    });
  }

  /** Must be called for every key taken, once work on it is over. */
  done(key: string): void {
    const working = this.#working.get(key);
    if (!working) return;
    this.#working.delete(key);
    if (!working.late) this.#busy[working.low ? 'low' : 'normal'] -= 1;
    this.#metrics.worked(this.#now() - working.since);
    const again = this.#items.get(key);
    if (again) this.#place(again);
    this.#handOut();
  }

  /** Work on the key goes on, but its worker takes another: it is in nobody's way any more. The key stays locked until it is done. */
  late(key: string): void {
    const working = this.#working.get(key);
    if (!working || working.late) return;
    working.late = true;
    this.#busy[working.low ? 'low' : 'normal'] -= 1;
    this.#handOut();
  }

  /** Hands out nothing more. Keys being worked on may still be finished. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#items.clear();
    for (const take of this.#takers.splice(0)) take(undefined);
    this.#metrics.unobserve();
  }

  #place(item: Item): void {
    item.place = item.dueAt > this.#now() ? 'delayed' : 'ready';
    if (item.place === 'ready') item.addedAt = Math.max(item.addedAt, item.dueAt);
    (item.place === 'ready' ? this.#ready : this.#delayed).push(item);
    if (item.place === 'delayed') this.#wake();
  }

  /** The higher priority, the earlier time. The old item stays where it was as a husk. */
  #replace(old: Item, wanted: Item): Item {
    old.place = 'replaced';
    return { ...wanted, priority: Math.max(old.priority, wanted.priority), dueAt: Math.min(old.dueAt, wanted.dueAt), addedAt: old.addedAt };
  }

  /** Moves what has come due to the ready heap, and sets the clock for the next. */
  #wake(): void {
    clearTimeout(this.#timer);
    for (let first = this.#delayed.peek(); first; first = this.#delayed.peek()) {
      if (first.place === 'delayed' && first.dueAt > this.#now()) {
        // setTimeout takes at most 2^31-1 ms; a longer wait is looked at again on the way
        this.#timer = setTimeout(() => this.#onTimer(), Math.min(Math.ceil(first.dueAt - this.#now()), 2 ** 31 - 1));
        return;
      }
      this.#delayed.pop();
      if (first.place === 'delayed') this.#place(first);
    }
  }

  #onTimer(): void {
    this.#wake();
    this.#handOut();
  }

  #handOut(): void {
    while (this.#takers.length > 0) {
      const item = this.#ready.take(this.#lowMayGo);
      if (!item) return;
      item.place = 'out';
      this.#items.delete(item.key);
      const low = item.priority < 0;
      this.#busy[low ? 'low' : 'normal'] += 1;
      this.#working.set(item.key, { since: this.#now(), low, late: false });
      this.#metrics.taken(this.#now() - item.addedAt);
      this.#takers.shift()?.(item.key);
    }
  }

  get #lowMayGo(): boolean {
    return this.#busy.low < this.#lowBesideNormal || this.#busy.normal === 0;
  }

  #load() {
    const busy = [...this.#working.values()].map(({ since }) => this.#now() - since);
    const ready = [...this.#items.values()].filter((item) => item.place === 'ready').length;
    return { depth: ready, unfinishedMs: busy.reduce((sum, ms) => sum + ms, 0), longestMs: Math.max(0, ...busy) };
  }
}
