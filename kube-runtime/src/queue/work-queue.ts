import { Failures } from './failures.ts';
import { noQueueMetrics, type QueueMetrics } from './queue-metrics.ts';
import { ReadyKeys } from './ready-keys.ts';
import { Wakes, type Wake } from './wakes.ts';

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

/** A key whose time has come. While it is worked on, it is held back until that is over. */
interface Due {
  readonly key: string;
  readonly group: string;
  readonly priority: number;
  readonly addedAt: number;
  /** It stands in line with a higher priority, and here no more. */
  raised: boolean;
}

interface Working {
  readonly since: number;
  readonly low: boolean;
  readonly priority: number;
  /** Its worker has gone on to other keys. */
  late: boolean;
}

/**
 * Keys that need work.
 *
 * Guarantees: a key is handed to one worker at a time; a key added while it is worked on is handed out once more afterwards; a key that is
 * added again and again is handed out once, as soon as the first of these adds is due, at the highest priority of those that are due by then; among
 * equals of a group, first come, first served; no group and no priority waits for ever.
 */
export class WorkQueue {
  readonly #failures: Failures;
  readonly #repeats: Failures;
  readonly #metrics: QueueMetrics;
  readonly #group: (key: string) => string;
  readonly #now: () => number;
  readonly #wakes = new Wakes();
  readonly #due = new Map<string, Due>();
  readonly #working = new Map<string, Working>();
  readonly #lowBesideNormal: number;
  /** Those whose workers have not gone on. */
  readonly #busy = { low: 0, normal: 0 };
  readonly #ready = new ReadyKeys<Due>(({ raised }) => raised);
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #clock: { readonly at: number; readonly timer: NodeJS.Timeout } | undefined;
  #closed = false;

  constructor(options: WorkQueueOptions) {
    const { maxBackoffMs, group = () => '', lowBesideNormal = Infinity, metrics = noQueueMetrics, now = () => performance.now() } = options;
    this.#failures = new Failures(maxBackoffMs);
    this.#repeats = new Failures(maxBackoffMs);
    this.#metrics = metrics;
    this.#group = group;
    this.#lowBesideNormal = lowBesideNormal;
    this.#now = now;
    metrics.observe(() => this.#load());
  }

  add(key: string, { priority = 0, afterMs = 0 }: AddOptions = {}): void {
    if (this.#closed) return;
    if (!this.#due.has(key) && !this.#wakes.has(key)) this.#metrics.added();
    this.#wakes.add({ key, priority, dueAt: this.#now() + afterMs });
    this.#handOut();
  }

  /** Adds a key that failed, after a pause that doubles with every failure in a row. Returns the pause. */
  retry(key: string, priority = 0): number {
    const afterMs = this.#failures.next(key);
    this.#metrics.retried();
    this.add(key, { priority, afterMs });
    return afterMs;
  }

  /** Adds a key that has to be worked on again although nothing failed, likewise, in a row of its own. Returns how often it was in a row. */
  repeat(key: string, priority = 0): number {
    this.add(key, { priority, afterMs: this.#repeats.next(key) });
    return this.#repeats.count(key);
  }

  /** The key did well: its next failure, and its next repetition, start at the shortest pause. */
  forget(key: string): void {
    this.#failures.forget(key);
    this.#repeats.forget(key);
  }

  failures(key: string): number {
    return this.#failures.count(key);
  }

  /**
   * What a key being worked on counts as, for what is left of the work: the highest priority of all adds that it was handed out for, those that were
   * not due as well, since it is not handed out for them again.
   */
  priorityOf(key: string): number {
    return this.#working.get(key)?.priority ?? 0;
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
    const again = this.#due.get(key);
    if (again) this.#ready.push(again);
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
    clearTimeout(this.#clock?.timer);
    for (const take of this.#takers.splice(0)) take(undefined);
    this.#metrics.unobserve();
  }

  #handOut(): void {
    if (this.#closed) return;
    for (let wake = this.#wakes.takeDue(this.#now()); wake; wake = this.#wakes.takeDue(this.#now())) this.#comesDue(wake);
    this.#setClock();
    while (this.#takers.length > 0) {
      const item = this.#ready.take(this.#lowMayGo);
      if (!item) return;
      this.#takers.shift()?.(this.#begin(item));
    }
  }

  #comesDue({ key, priority, dueAt }: Wake): void {
    const before = this.#due.get(key);
    if (before && before.priority >= priority) return;
    if (before) before.raised = true;
    const due = { key, group: this.#group(key), priority, addedAt: before?.addedAt ?? dueAt, raised: false };
    this.#due.set(key, due);
    if (!this.#working.has(key)) this.#ready.push(due);
  }

  #begin({ key, priority, addedAt }: Due): string {
    const notDue = this.#wakes.remove(key);
    this.#due.delete(key);
    const low = priority < 0;
    this.#busy[low ? 'low' : 'normal'] += 1;
    const highest = Math.max(priority, ...notDue.map((wake) => wake.priority));
    this.#working.set(key, { since: this.#now(), low, priority: highest, late: false });
    this.#metrics.taken(this.#now() - addedAt);
    return key;
  }

  #setClock(): void {
    const at = this.#wakes.nextAt;
    if (at === this.#clock?.at) return;
    clearTimeout(this.#clock?.timer);
    // setTimeout takes at most 2^31-1 ms; a longer wait is looked at again on the way
    const ms = at === undefined ? 0 : Math.min(Math.ceil(at - this.#now()), 2 ** 31 - 1);
    this.#clock = at === undefined ? undefined : { at, timer: setTimeout(() => this.#onTimer(), ms) };
  }

  #onTimer(): void {
    this.#clock = undefined;
    this.#handOut();
  }

  get #lowMayGo(): boolean {
    return this.#busy.low < this.#lowBesideNormal || this.#busy.normal === 0;
  }

  #load() {
    const busy = [...this.#working.values()].map(({ since }) => this.#now() - since);
    const depth = new Map([0, lowPriority].map((priority) => [priority, 0]));
    for (const { key, priority } of this.#due.values()) if (!this.#working.has(key)) depth.set(priority, (depth.get(priority) ?? 0) + 1);
    return { depth, unfinishedMs: busy.reduce((sum, ms) => sum + ms, 0), longestMs: Math.max(0, ...busy) };
  }
}
