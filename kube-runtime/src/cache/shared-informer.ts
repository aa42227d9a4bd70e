import type { CacheScope } from '../cluster/cluster.ts';
import type { AttentiveWire } from '../cluster/outage.ts';
import { KubeRuntimeError, messageOf } from '../errors.ts';
import { deepFreeze, isRecord, textOf } from '../json.ts';
import { keyOf, type Kind } from '../kind.ts';
import type { Logger } from '../logger.ts';
import type { BaseObject, ObjectKey } from '../resource.ts';
import { Held } from './held.ts';
import type { Change, ChangeHandler, Head, IndexFunction, Informer, Projection } from './informer.ts';
import { OwnWrites } from './own-writes.ts';
import { ListWatch, type Sink } from './list-watch.ts';
import { Packing } from './packing.ts';
import type { RawEvent } from './source.ts';
import { Store } from './store.ts';
import { tidy } from './tidy.ts';
import type { InformerTimings } from './timings.ts';
import { compareVersions } from './version.ts';

/** What went wrong: list or watch, a handler, or an object that its kind refused. */
export const informerFaults = ['watch', 'handler', 'object'] as const;
export type InformerFault = (typeof informerFaults)[number];

export interface SharedInformerOptions<T extends BaseObject> {
  readonly wire: AttentiveWire;
  readonly kind: Kind<T>;
  readonly scope: CacheScope;
  readonly timings: InformerTimings;
  readonly log: Logger;
  readonly onFault: (what: InformerFault) => void;
}

/** See `Informer` for what is promised. */
export class SharedInformer<T extends BaseObject> implements Informer<T>, Sink<Held<T> | undefined> {
  readonly kind: Kind<T>;
  readonly scope: CacheScope;
  readonly #options: SharedInformerOptions<T>;
  readonly #store = new Store<T>((error) => this.#unfit(error, 'Index or projection failed for an object'));
  readonly #handlers = new Set<ChangeHandler<T>>();
  readonly #stopping = new AbortController();
  readonly #packing = new Packing(this.#store, this.#stopping.signal);
  readonly #firstSync = Promise.withResolvers<undefined>();
  #running: Promise<void> | undefined;
  #synced = false;
  readonly #ownWrites = new OwnWrites<T>();
  /** The version of the last thing the server told us. */
  #seen: string | undefined;
  #lastSign = performance.now();
  #problem: string | undefined;

  constructor(options: SharedInformerOptions<T>) {
    this.#options = options;
    this.kind = options.kind;
    this.scope = options.scope;
    this.#firstSync.promise.catch(() => undefined); // whoever waits gets it; nobody need wait
  }

  /** Not any more once stopped: what it holds grows old from then on. */
  get synced(): boolean {
    return this.#synced && !this.stopped;
  }

  get stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  get alive(): boolean {
    const { watchMs, graceMs, backoff } = this.#options.timings;
    return performance.now() - this.#lastSign < watchMs[1] + 2 * graceMs + backoff.capMs;
  }

  whenSynced(signal?: AbortSignal): Promise<void> {
    if (!signal) return this.#firstSync.promise;
    return new Promise((resolve, reject) => {
      const stop = (): void => reject(new KubeRuntimeError('stopped', { what: `waiting for the cache of ${this.kind.plural}` }));
      if (signal.aborted) stop();
      signal.addEventListener('abort', stop, { once: true });
      this.#firstSync.promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
    });
  }

  get(key: ObjectKey): T | undefined {
    return this.#store.get(key);
  }

  list(namespace?: string): T[] {
    return this.#store.list(namespace);
  }

  head(key: ObjectKey): Head | undefined {
    return this.#store.find(key);
  }

  heads(namespace?: string): Head[] {
    return this.#store.heads(namespace);
  }

  addIndex(name: string, values: IndexFunction<T>): void {
    this.#store.addIndex(name, values);
  }

  byIndex(name: string, value: string): T[] {
    return this.#store.byIndex(name, value);
  }

  headsByIndex(name: string, value: string): Head[] {
    return this.#store.headsByIndex(name, value);
  }

  project<V>(make: (object: T) => V): Projection<V> {
    return this.#store.project(make);
  }

  onChange(handler: ChangeHandler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.#store.list()) this.#tellOne(handler, { type: 'added', object, replay: true });
    return () => void this.#handlers.delete(handler);
  }

  start(): void {
    if (this.#running || this.stopped) return;
    this.#lastSign = performance.now();
    this.#running = new ListWatch(this.#options, this).run(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#handlers.clear();
    this.#stopping.abort();
    this.#firstSync.reject(new KubeRuntimeError('stopped', { what: `the cache of ${this.kind.plural}` }));
    await this.#running;
  }

  /**
   * Takes the answer to a write of our own into the cache before the watch brings it, so that the next run does not act on what it just
   * changed. Handlers hear of it from the watch, with what they last heard of as `previous`. Ignored unless it is newer than all that was seen: an object deleted since must not return.
   */
  remember(object: T): void {
    const { name, namespace, resourceVersion } = object.metadata;
    const known = this.#store.find({ name, namespace });
    const newest = (compareVersions(resourceVersion, this.#seen) ?? -1) > 0;
    const newer = known === undefined || (compareVersions(resourceVersion, known.resourceVersion) ?? -1) > 0;
    if (!this.synced || !newest || !newer) return;
    const held = new Held(tidy(object, this.kind), this.kind);
    this.#hold(held, object);
    this.#ownWrites.note(held, known);
  }

  take(raw: unknown): Held<T> | undefined {
    const object = this.#accept(raw);
    if (!object) return undefined;
    const known = this.#store.find(object.metadata);
    const { uid, resourceVersion } = object.metadata;
    if (resourceVersion !== undefined && known?.resourceVersion === resourceVersion && known.uid === uid) return known;
    const held = new Held(object, this.kind);
    // Of the first list each object is told at once: nobody reads a cache before it is synced, and later its text would be read anew.
    if (!this.#synced) this.#upsert(held, true, object);
    return held;
  }

  replace(items: readonly (Held<T> | undefined)[], resourceVersion: string): void {
    const replay = true;
    const present = new Set<string>();
    for (const held of items) {
      if (!held) continue;
      present.add(keyOf(held));
      this.#upsert(held, replay);
    }
    for (const held of [...this.#store.all()]) {
      if (!present.has(keyOf(held))) this.#remove(held.read(), resourceVersion, replay);
    }
    this.#seen = resourceVersion;
    this.#synced = true;
    this.recovered();
    this.#firstSync.resolve(undefined);
  }

  event({ type, object: raw }: RawEvent, resourceVersion: string): void {
    if (type !== 'BOOKMARK') {
      const object = this.#accept(raw);
      if (object && type === 'DELETED') this.#remove(object, resourceVersion, false);
      else if (object) this.#upsert(new Held(object, this.kind), false, object);
    }
    this.#seen = resourceVersion;
  }

  fault(error: unknown): void {
    this.#problem = messageOf(error);
    this.#options.onFault('watch');
    this.#options.log.warn({ kind: this.kind.kind, err: this.#problem }, 'Lost the watch, trying again');
  }

  recovered(): void {
    this.#problem = undefined;
  }

  sign(): void {
    this.#lastSign = performance.now();
  }

  /** An object that its kind's `parse` refuses is left out, so that it cannot hold up all others; so is what no selector could keep away. */
  #accept(raw: unknown): T | undefined {
    if (this.#isOutside(raw)) return undefined;
    try {
      return tidy(raw, this.kind);
    } catch (error) {
      this.#unfit(error, 'Left out an object that does not fit its kind');
      return undefined;
    }
  }

  #unfit(error: unknown, what: string): void {
    this.#options.onFault('object');
    this.#options.log.error({ kind: this.kind.kind, err: messageOf(error) }, what);
  }

  #isOutside(raw: unknown): boolean {
    const { namespacePrefix } = this.scope;
    if (namespacePrefix === undefined || !isRecord(raw) || !isRecord(raw['metadata'])) return false;
    return !(textOf(raw['metadata']['namespace']) ?? '').startsWith(namespacePrefix);
  }

  #upsert(next: Held<T>, replay: boolean, read?: T): void {
    const known = this.#store.find(next);
    const { isAhead, last: lastTold } = this.#ownWrites.toldOf(next, known);
    if (!isNews(next, lastTold, replay || isAhead)) return;
    const { missed, overtaken } = this.#ownWrites.catchUp(next);
    let last = lastTold;
    for (const held of missed) {
      this.#tellOf(held.readOnce(), held, last, replay);
      last = held;
    }
    const object = read ?? next.readOnce();
    if (!overtaken) this.#hold(next, object);
    if (read && !replay) next.reads(deepFreeze(read));
    this.#tellOf(object, next, last, replay);
  }

  #tellOf(object: T, { uid }: Held<T>, last: Held<T> | undefined, replay: boolean): void {
    if (last && last.uid !== uid) this.#tell({ type: 'deleted', object: last.read(), replay }); // re-created under the same name
    this.#tell(last?.uid === uid && last ? updated(object, last, replay) : { type: 'added', object, replay });
  }

  #hold(held: Held<T>, object: T): void {
    this.#store.set(held, object);
    this.#packing.soon();
  }

  /** It was gone by `version`; `object` is the last that is known of it, or our own write that may outlive it. */
  #remove(object: T, version: string | undefined, replay: boolean): void {
    const known = this.#store.find(object.metadata);
    if (!known) return;
    const { last } = this.#ownWrites.toldOf(known, known);
    if (!this.#ownWrites.outlive(known, version)) {
      this.#store.delete(known);
      this.#tell({ type: 'deleted', object, replay });
    } else if (last) this.#tell({ type: 'deleted', object: last.uid === object.metadata.uid ? object : last.read(), replay });
  }

  #tell(change: Change<T>): void {
    if (this.#handlers.size === 0) return;
    deepFreeze(change.object);
    for (const handler of this.#handlers) this.#tellOne(handler, change);
  }

  #tellOne(handler: ChangeHandler<T>, change: Change<T>): void {
    try {
      handler(change);
    } catch (error) {
      this.#options.onFault('handler');
      this.#options.log.error({ kind: this.kind.kind, err: messageOf(error) }, 'Change handler failed');
    }
  }
}

/** False for what would go back in time, and for what `maybeRepeats`, such as a list, only repeats. */
function isNews(next: Head, known: Head | undefined, maybeRepeats: boolean): boolean {
  if (known?.uid !== next.uid) return true;
  const order = compareVersions(next.resourceVersion, known?.resourceVersion);
  return !(maybeRepeats && order === 0) && (order === undefined || order >= 0);
}

/** The object before is read when somebody asks for it, once for all who do. */
function updated<T extends BaseObject>(object: T, held: Held<T>, replay: boolean): Change<T> {
  let previous: T | undefined;
  return {
    type: 'updated',
    object,
    get previous() {
      previous ??= held.read();
      return previous;
    },
    replay,
  };
}
