import type { Cluster, JsonPatchOperation } from './cluster/cluster.ts';
import { isConflict, isInvalid, isNotFound, KubeRuntimeError } from './errors.ts';
import type { Kind } from './kind.ts';
import type { BaseObject } from './resource.ts';

/**
 * Finalizers hold a deletion back until cleanup is done.
 *
 * Guarantees: written as JSON patches that test what they assume, so that a finalizer which somebody else set or removed meanwhile is
 * never lost or brought back, and an object re-created under the same name is never touched. On such a race the live object is read and
 * the patch is made anew.
 */
const tries = 3;

/** Whether the object, as given, carries the finalizer. */
export const hasFinalizer = (object: BaseObject, finalizer: string): boolean => object.metadata.finalizers?.includes(finalizer) ?? false;

/**
 * Returns the object with the finalizer. Writes nothing when it has it. Without it comes back what is gone, was made anew, or is being deleted
 * (Kubernetes allows no new ones then).
 */
export async function addFinalizer<T extends BaseObject>(cluster: Cluster, kind: Kind<T>, object: T, finalizer: string): Promise<T> {
  return patchFinalizers(cluster, kind, object, (current) => {
    if (hasFinalizer(current, finalizer) || current.metadata.deletionTimestamp) return undefined;
    const { finalizers } = current.metadata;
    return finalizers?.length
      ? [test('/metadata/finalizers', finalizers), { op: 'add', path: '/metadata/finalizers/-', value: finalizer }]
      : [test('/metadata/finalizers', null), { op: 'add', path: '/metadata/finalizers', value: [finalizer] }];
  });
}

/** Returns the object without the finalizer; it may be gone from the server with that. Writes nothing when it has none. */
export async function removeFinalizer<T extends BaseObject>(cluster: Cluster, kind: Kind<T>, object: T, finalizer: string): Promise<T> {
  return patchFinalizers(cluster, kind, object, (current) => {
    const index = current.metadata.finalizers?.indexOf(finalizer) ?? -1;
    if (index < 0) return undefined;
    const path = `/metadata/finalizers/${index}`;
    return [test(path, finalizer), { op: 'remove', path }];
  });
}

async function patchFinalizers<T extends BaseObject>(
  cluster: Cluster,
  kind: Kind<T>,
  object: T,
  change: (current: T) => readonly JsonPatchOperation[] | undefined,
): Promise<T> {
  const { name, uid } = object.metadata;
  if (!uid) throw new KubeRuntimeError('object_incomplete', { kind: kind.kind, name, field: 'metadata.uid' });
  let current = object;
  for (let attempt = 1; ; attempt++) {
    const operations = change(current);
    if (!operations) return current;
    try {
      return await cluster.patch(kind, current.metadata, [test('/metadata/uid', uid), ...operations]);
    } catch (error) {
      if (isNotFound(error)) return current;
      if (attempt === tries || !(isConflict(error) || isInvalid(error))) throw error;
      const live = await cluster.get(kind, current.metadata);
      if (live?.metadata.uid !== uid) return current; // gone, or another object by now: nothing of ours to mark
      current = live;
    }
  }
}

const test = (path: string, value: unknown): JsonPatchOperation => ({ op: 'test', path, value });
