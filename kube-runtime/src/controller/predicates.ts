import type { Change } from '../cache/informer.ts';
import type { BaseObject } from '../resource.ts';

/**
 * True unless only the status (or nothing a person would write) changed: compares generation, labels, annotations, finalizers, owners and the
 * deletion mark. Of kinds without a generation, such as ConfigMap or ResourceQuota, it compares all but the status.
 */
export function specChanged<T extends BaseObject>({ type, object, previous }: Change<T>): boolean {
  if (type !== 'updated' || previous === undefined) return true;
  return print(object) !== print(previous);
}

function print(object: BaseObject): string {
  const { status: _, metadata, ...rest }: BaseObject & { readonly status?: unknown } = object;
  const { uid, generation, labels, annotations, finalizers, ownerReferences, deletionTimestamp } = metadata;
  return JSON.stringify([uid, generation ?? rest, labels, annotations, finalizers, ownerReferences, deletionTimestamp]);
}
