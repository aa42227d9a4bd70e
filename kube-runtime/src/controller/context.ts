import type { Cluster } from '../cluster/cluster.ts';
import { KubeRuntimeError } from '../errors.ts';
import type { EventRecorder } from '../events/recorder.ts';
import { keyOf, type Kind } from '../kind.ts';
import type { Logger } from '../logger.ts';
import type { BaseObject } from '../resource.ts';
import { removeLeftOver } from './left-over.ts';
import type { ReconcileContext } from './types.ts';

export interface ContextParts<T extends BaseObject> {
  readonly kind: Kind<T>;
  readonly object: T;
  readonly cluster: Cluster;
  readonly recorder: EventRecorder;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Hears of the object as it is once its status is as it should be. */
  readonly onStatus: (object: T) => void;
}

/** What one run gets to see of the world. */
export function contextFor<T extends BaseObject>({
  kind,
  object,
  cluster,
  recorder,
  log,
  signal,
  onStatus,
}: ContextParts<T>): ReconcileContext<T> {
  const { name, namespace } = object.metadata;
  const clear: ReconcileContext<T>['removeLeftOver'] = (childKind, key) =>
    removeLeftOver(childKind, key, { cluster, kind, object, signal });
  return {
    key: keyOf(object.metadata),
    name,
    namespace,
    object,
    cluster,
    log,
    signal,
    apply: async (childKind, desired, { owned = true, ...options } = {}) => {
      const home = childKind.namespaced ? (desired.metadata.namespace ?? namespace) : undefined;
      const placed = Object.assign({}, desired, { metadata: { ...desired.metadata, namespace: home } });
      try {
        return await cluster.apply(childKind, placed, { signal, ...options, ...(owned && { owner: object }) });
      } catch (error) {
        const isTaken = error instanceof KubeRuntimeError && error.code === 'owned_by_another';
        if (isTaken) await clear(childKind, { name: placed.metadata.name, namespace: home });
        throw error; // the next run finds the place free, once the caches know
      }
    },
    removeLeftOver: clear,
    updateStatus: async (status, options) => {
      const applied = await cluster.updateStatus(kind, object, status, { signal, ...options });
      onStatus(applied.object);
      return applied;
    },
    record: (note) => recorder.record(object, note),
    recordOnce: (note, occasion) => recorder.recordOnce(object, note, occasion),
  };
}
