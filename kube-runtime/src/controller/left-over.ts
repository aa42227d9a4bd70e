import type { Cluster } from '../cluster/cluster.ts';
import type { Kind } from '../kind.ts';
import { controllerOf } from '../owners.ts';
import type { BaseObject, ObjectKey } from '../resource.ts';
import { groupOf } from './owner-keys.ts';

interface Owning<T extends BaseObject> {
  readonly cluster: Cluster;
  readonly kind: Kind<T>;
  readonly object: T;
  readonly signal: AbortSignal;
}

/** See `removeLeftOver` of the context. */
export async function removeLeftOver<T extends BaseObject>(
  childKind: Kind<BaseObject>,
  key: ObjectKey,
  { cluster, kind, object, signal }: Owning<T>,
): Promise<void> {
  if (!childKind.namespaced) return;
  const child = await cluster.get(childKind, key, { signal });
  if (!child || !isOfNamesake(child, kind, object)) return;
  const { uid, name, namespace } = object.metadata;
  const live = await cluster.get(kind, { name, namespace }, { signal });
  if (live?.metadata.uid !== uid) return;
  const { resourceVersion } = child.metadata;
  // It keeps its name until what it owns itself is gone: a successor would hide it in the same way.
  await cluster.delete(childKind, child, { ...(resourceVersion !== undefined && { resourceVersion }), propagation: 'Foreground', signal });
}

function isOfNamesake(child: BaseObject, kind: Kind<BaseObject>, { metadata: { uid, name } }: BaseObject): boolean {
  const owner = controllerOf(child);
  const sameKind = owner?.kind === kind.kind && groupOf(owner.apiVersion) === groupOf(kind.apiVersion);
  return sameKind && owner.name === name && owner.uid !== uid;
}
