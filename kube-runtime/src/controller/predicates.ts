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

/**
 * True unless only the status, labels, annotations, finalizers or owners changed: compares generation, UID and the deletion mark. For kinds of which
 * whoever reconciles reads nothing but the spec, so that nobody is woken by notes that others keep on their objects. Of kinds without a generation every
 * change counts.
 */
export function generationChanged<T extends BaseObject>({ type, object, previous }: Change<T>): boolean {
  if (type !== 'updated' || previous === undefined || object.metadata.generation === undefined) return true;
  const [now, before] = [object.metadata, previous.metadata];
  return now.generation !== before.generation || now.uid !== before.uid || now.deletionTimestamp !== before.deletionTimestamp;
}

function print(object: BaseObject): string {
  const { status: _, metadata, ...rest }: BaseObject & { readonly status?: unknown } = object;
  const { uid, generation, labels, annotations, finalizers, ownerReferences, deletionTimestamp } = metadata;
  return JSON.stringify([uid, generation ?? rest, labels, annotations, finalizers, ownerReferences, deletionTimestamp]);
}
