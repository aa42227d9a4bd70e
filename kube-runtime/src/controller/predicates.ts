import type { Change } from '../cache/informer.ts';
import type { BaseObject } from '../resource.ts';

/**
 * True unless only the status (or nothing a person would write) changed: compares generation, labels, annotations, finalizers, owners and the
 * deletion mark. Kinds without a generation, such as ConfigMap, always count as changed.
 */
export function specChanged<T extends BaseObject>({ type, object, previous }: Change<T>): boolean {
  if (type !== 'updated' || previous === undefined || object.metadata.generation === undefined) return true;
  return print(object) !== print(previous);
}

function print({ metadata }: BaseObject): string {
  const { uid, generation, labels, annotations, finalizers, ownerReferences, deletionTimestamp } = metadata;
  return JSON.stringify([uid, generation, labels, annotations, finalizers, ownerReferences, deletionTimestamp]);
}
