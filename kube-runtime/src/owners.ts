import { KubeRuntimeError } from './errors.ts';
import { keyOf } from './kind.ts';
import type { BaseObject, ObjectKey, OwnerReference } from './resource.ts';

/**
 * The reference by which `owner` controls a child. Deleting the owner then deletes the child.
 *
 * @throws KubeRuntimeError `object_incomplete` when the owner does not come from the server; `owner_out_of_scope` when Kubernetes would
 * take the owner for missing and delete the child: a namespaced owner of a cluster-scoped child, or of one in another namespace.
 */
export function ownerReference(owner: BaseObject, child: ObjectKey & { readonly kind: string }): OwnerReference {
  const { apiVersion, kind, metadata } = owner;
  const lacking = !apiVersion ? 'apiVersion' : !kind ? 'kind' : !metadata.uid ? 'metadata.uid' : undefined;
  if (!apiVersion || !kind || !metadata.uid) {
    throw new KubeRuntimeError('object_incomplete', { kind: kind ?? 'object', name: metadata.name, field: lacking ?? '' });
  }
  if (metadata.namespace && metadata.namespace !== child.namespace) {
    const details = { kind: child.kind, name: keyOf(child), owner: metadata.name, namespace: metadata.namespace };
    throw new KubeRuntimeError('owner_out_of_scope', details);
  }
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true, blockOwnerDeletion: true };
}

/** The one owner that reconciles the object, if any. */
export const controllerOf = ({ metadata }: BaseObject): OwnerReference | undefined =>
  metadata.ownerReferences?.find((reference) => reference.controller);

/** By UID: an owner re-created under the same name is another one. */
export const isControlledBy = (object: BaseObject, owner: BaseObject): boolean =>
  owner.metadata.uid !== undefined && controllerOf(object)?.uid === owner.metadata.uid;
