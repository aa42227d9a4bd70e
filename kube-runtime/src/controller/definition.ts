import type { Informer } from '../cache/informer.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { keyOf, type Kind } from '../kind.ts';
import { lowPriority, type WorkQueue } from '../queue/work-queue.ts';
import type { BaseObject, ObjectKey } from '../resource.ts';
import { ownerKeys } from './owner-keys.ts';
import type { ForOptions, GoneFunction, OwnsOptions, ReconcileFunction, Signal, SignalOptions, WatchesOptions } from './types.ts';

/** Subscribes a queue to one cache; returns how to unsubscribe. */
export type Source = (cluster: Cluster, queue: WorkQueue) => () => void;

/** All that a builder gathers. */
export interface Definition<T extends BaseObject> {
  readonly name: string;
  readonly kind: Kind<T>;
  readonly options: ForOptions<T>;
  readonly sources: readonly Source[];
  readonly workers: number;
  readonly timeLimitMs: number;
  readonly maxBackoffMs: number;
  readonly group?: (key: ObjectKey) => string;
  readonly finalizer?: { readonly name: string; readonly cleanup: ReconcileFunction<T> };
  readonly gone?: GoneFunction;
}

/** The primary objects: a change concerns the object itself. */
export const forSource =
  <T extends BaseObject>(kind: Kind<T>, options: ForOptions<T>): Source =>
  (cluster, queue) =>
    subscribe(cluster.informer(kind, scopeOf(options)), queue, options, (object) => [object.metadata]);

export const ownsSource =
  <T extends BaseObject, C extends BaseObject>(owner: Kind<T>, kind: Kind<C>, options: OwnsOptions<C>): Source =>
  (cluster, queue) =>
    subscribe(cluster.informer(kind, scopeOf(options)), queue, options, (child) => ownerKeys(owner, child, options.label));

export const watchesSource =
  <W extends BaseObject>(kind: Kind<W>, map: (object: W, cluster: Cluster) => readonly ObjectKey[], options: WatchesOptions<W>): Source =>
  (cluster, queue) =>
    subscribe(cluster.informer(kind, scopeOf(options)), queue, options, (object) => map(object, cluster));

/** What no API server tells of. */
export const signalSource =
  (signal: Signal, { priority }: SignalOptions): Source =>
  (_, queue) =>
    signal((key) => queue.add(keyOf(key), { priority: priority === 'low' ? lowPriority : 0 }));

/** The cache alone: a scope given to a controller must give the same informer as the same scope given elsewhere. */
export const scopeOf = ({ namespace, namespacePrefix, labelSelector, fieldSelector, metadataOnly }: ForOptions<never>) => ({
  ...(namespace !== undefined && { namespace }),
  ...(namespacePrefix !== undefined && { namespacePrefix }),
  ...(labelSelector !== undefined && { labelSelector }),
  ...(fieldSelector !== undefined && { fieldSelector }),
  ...(metadataOnly !== undefined && { metadataOnly }),
});

function subscribe<T extends BaseObject>(
  informer: Informer<T>,
  queue: WorkQueue,
  { when, settleMs: afterMs = 0, priority: rank = 'normal' }: WatchesOptions<T>,
  concerned: (object: T) => readonly ObjectKey[],
): () => void {
  return informer.onChange((change) => {
    if (when && !when(change)) return;
    // an update concerns whom it belonged to as well as whom it belongs to
    const concernedNow = [...concerned(change.object), ...(change.previous ? concerned(change.previous) : [])];
    // each key once: a worker may take it at the first mention, and a second one would make it run again
    const keys = new Set(concernedNow.map(keyOf));
    const priority = change.replay || rank === 'low' ? lowPriority : 0;
    for (const key of keys) queue.add(key, { priority, afterMs: change.replay ? 0 : afterMs });
  });
}
