import type { OwnerReference } from 'kube-runtime';
import type { StoredObject } from '../objects/object.ts';
import type { ServedKind } from '../rules/served-kind.ts';
import { deletion, label, on, type Step, type World } from './step.ts';

const foreground = 'foregroundDeletion';
const orphan = 'orphan';

type Found = World['all'][number];

/** Objects whose owners are all gone go; owners that wait for their dependents, or let go of them, are helped on. */
export function collectGarbage(world: World): Step[] {
  return [...world.all.flatMap((found) => ofDependent(world, found)), ...world.all.flatMap((found) => ofOwner(world, found))];
}

function ofDependent(world: World, { served, object }: Found): Step[] {
  const { ownerReferences = [], deletionTimestamp } = object.metadata;
  if (ownerReferences.length === 0 || deletionTimestamp) return [];
  const owners = ownerReferences.map((reference) => ({ reference, owner: ownerOf(world, served, object, reference) }));
  const waits = (owner: StoredObject | undefined): boolean => owner !== undefined && isGoing(owner, foreground);
  const solid = owners.filter(({ owner }) => owner !== undefined && !waits(owner));
  const step = (what: string, run: () => void): Step => ({ name: `garbage collector: ${what} ${label(served, object)}`, run });
  if (solid.length === owners.length) return [];
  if (solid.length > 0)
    return [
      step('take lost owners off', () =>
        setOwners(
          world,
          served,
          object,
          solid.map(({ reference }) => reference),
        ),
      ),
    ];
  const inForeground = owners.some(({ owner }) => waits(owner)) && dependentsOf(world, object).length > 0;
  const policy =
    inForeground || object.metadata.finalizers?.includes(foreground)
      ? 'Foreground'
      : object.metadata.finalizers?.includes(orphan)
        ? 'Orphan'
        : 'Background';
  return [step('delete', () => world.request(deletion(served.kind, object, policy)))];
}

function ofOwner(world: World, { served, object }: Found): Step[] {
  const step = (what: string, run: () => void): Step => ({ name: `garbage collector: ${what} ${label(served, object)}`, run });
  const release = (finalizer: string): Step => step(`take ${finalizer} off`, () => takeOff(world, served, object, finalizer));
  if (isGoing(object, orphan)) {
    const [next] = dependentsOf(world, object);
    if (!next) return [release(orphan)];
    const { ownerReferences = [] } = next.object.metadata;
    const left = ownerReferences.filter(({ uid }) => uid !== object.metadata.uid);
    return [step(`orphan ${label(next.served, next.object)} of`, () => setOwners(world, next.served, next.object, left))];
  }
  if (!isGoing(object, foreground)) return [];
  const blocking = dependentsOf(world, object).some(({ object: { metadata } }) =>
    metadata.ownerReferences?.some(({ uid, blockOwnerDeletion }) => uid === object.metadata.uid && blockOwnerDeletion),
  );
  return blocking ? [] : [release(foreground)];
}

const isGoing = ({ metadata }: StoredObject, finalizer: string): boolean =>
  metadata.deletionTimestamp !== undefined && (metadata.finalizers?.includes(finalizer) ?? false);

/** By kind, place and UID: one of the same name is another one, and one in another namespace is none. */
function ownerOf(
  { site, kinds }: World,
  served: ServedKind,
  { metadata }: StoredObject,
  reference: OwnerReference,
): StoredObject | undefined {
  const owner = kinds.find(({ kind }) => kind.apiVersion === reference.apiVersion && kind.kind === reference.kind);
  if (!owner || (owner.kind.namespaced && !served.kind.namespaced)) return undefined;
  const key = owner.kind.namespaced ? { name: reference.name, namespace: metadata.namespace } : { name: reference.name };
  const found = site.store.get(owner, key);
  return found?.metadata.uid === reference.uid ? found : undefined;
}

const dependentsOf = ({ all }: World, { metadata }: StoredObject): Found[] =>
  all.filter(({ object }) => object.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid));

function setOwners(world: World, { kind }: ServedKind, object: StoredObject, ownerReferences: readonly OwnerReference[]): void {
  const body = { metadata: { uid: object.metadata.uid, ownerReferences: ownerReferences.length > 0 ? ownerReferences : null } };
  world.request(on(kind, object, { method: 'PATCH', contentType: 'application/merge-patch+json', body }));
}

function takeOff(world: World, { kind }: ServedKind, object: StoredObject, finalizer: string): void {
  const finalizers = object.metadata.finalizers?.filter((other) => other !== finalizer) ?? [];
  const body = { metadata: { resourceVersion: object.metadata.resourceVersion, finalizers } };
  world.request(on(kind, object, { method: 'PATCH', contentType: 'application/merge-patch+json', body }));
}
