import type { CacheScope } from '../cluster/cluster.ts';
import type { Kind } from '../kind.ts';
import type { BaseObject, ObjectKey } from '../resource.ts';

/** What happened to a cached object. */
export interface Change<T> {
  readonly type: 'added' | 'updated' | 'deleted';
  /** The object now, or as it was last seen when deleted. */
  readonly object: T;
  /** The object before an update. */
  readonly previous?: T;
  /** True while a list is replayed (start, or after a gap): nothing need have changed just now. */
  readonly replay: boolean;
}

/** Must not block and need not catch: what it throws is logged and counted. Do work in a controller, not here. */
export type ChangeHandler<T> = (change: Change<T>) => void;

/** Who an object is. */
export interface Head extends ObjectKey {
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly creationTimestamp: string | undefined;
}

/** For each object, the values under which it is found. For an object at which it throws there are none; that is logged and counted. */
export type IndexFunction<T> = (object: T) => readonly string[];

/** What was made of the cached object with this key; undefined when it is not in the cache. Costs next to nothing. */
export type Projection<V> = (key: ObjectKey) => V | undefined;

/**
 * A local copy of the objects of one kind, kept current by list and watch.
 *
 * Guarantees: survives every server and network fault until stopped, and misses no final state (single intermediate states may be
 * merged); versions never go backwards; objects are frozen and keep fields this library does not know; a handler that throws is
 * logged and counted, and hurts nobody else.
 */
export interface Informer<T extends BaseObject> {
  readonly kind: Kind<T>;
  readonly scope: CacheScope;
  /** True once the first full list is in the cache and was given to the handlers. */
  readonly synced: boolean;
  /** Resolves when synced. Rejects when the signal aborts or the informer stops first. */
  whenSynced(signal?: AbortSignal): Promise<void>;
  /** False when nothing moved for longer than any healthy watch could be silent. */
  readonly alive: boolean;
  /** The last fault, while it lasts. */
  readonly problem: string | undefined;

  /**
   * The cached object, frozen; undefined when it is not in the cache. Costs no request, but some microseconds where nobody
   * has read it for a while: the cache holds text. So do `list` and `byIndex`, for each object.
   */
  get(key: ObjectKey): T | undefined;
  /** All cached objects, or those of one namespace, in no order. */
  list(namespace?: string): T[];
  /** Whether an object is there, and which version: without reading it. */
  head(key: ObjectKey): Head | undefined;
  /** What is known of the same objects without reading them: costs next to nothing. */
  heads(namespace?: string): Head[];
  /** Adds an index. It covers what is cached already. The same name twice is refused. */
  addIndex(name: string, values: IndexFunction<T>): void;
  /** Objects that the index files under the value. An index that was not added is refused (`index_unknown`). */
  byIndex(name: string, value: string): T[];
  /** What is known of the same objects without reading them. */
  headsByIndex(name: string, value: string): Head[];
  /**
   * Keeps beside each object, also of those that are cached already, what `make` says of its latest version: for who needs only a word of thousands of
   * objects. It should be small, and follow from the object alone. Where `make` throws there is none; that is logged and counted.
   */
  project<V>(make: (object: T) => V): Projection<V>;

  /** Called for every change, after the cache holds it, and at once for what is cached already. Returns how to unsubscribe. */
  onChange(handler: ChangeHandler<T>): () => void;

  /** Begins to list and watch. Again, or after `stop`: nothing happens. */
  start(): void;
  /** Aborts list and watch; no handler is called after this resolves. */
  stop(): Promise<void>;
}
