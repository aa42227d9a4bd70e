import { equal, isRecord, recordOf, textOf, type Json } from '../objects/json.ts';
import type { StoredObject } from '../objects/object.ts';
import type { ServedKind } from '../rules/served-kind.ts';
import { authorOf, nameOf, type Call } from './call.ts';
import { conflict, forbidden, notFound } from './refused.ts';
import { keyFrom } from './route.ts';

const orphan = 'orphan';
const foreground = 'foregroundDeletion';
/** Without which a cluster cannot be. */
const immortal = new Set(['default', 'kube-system', 'kube-public']);

/** DELETE of one object: it goes, or, while finalizers hold it, is marked as going. Returns the last state. */
export function remove(call: Call): StoredObject {
  const { site, route } = call;
  const name = nameOf(call);
  const existing = site.store.get(route.served, keyFrom(route, name));
  const options = recordOf(call.request.body);
  const isNamespace = route.served.kind.kind === 'Namespace';
  if (isNamespace && immortal.has(name)) throw forbidden(route.served, name, 'this namespace may not be deleted');
  if (!existing) throw notFound(route.served, name);
  checkPreconditions(route.served, existing, recordOf(options['preconditions']));
  if (isNamespace && !existing.metadata.deletionTimestamp) return terminate(call, existing, options);
  if (isNamespace && hasSpecFinalizers(existing)) return existing;
  const finalizers = finalizersFor(existing, options);
  if (finalizers.length > 0) return markAsGoing(call, existing, finalizers);
  site.store.remove(route.served, existing, authorOf(call, 'delete'));
  return existing;
}

function checkPreconditions(served: ServedKind, { metadata }: StoredObject, { uid, resourceVersion }: Json): void {
  if (textOf(uid) && uid !== metadata.uid) throw conflict(served, metadata.name, 'the UID in the precondition is another one');
  if (textOf(resourceVersion) && resourceVersion !== metadata.resourceVersion) {
    throw conflict(served, metadata.name, 'the ResourceVersion in the precondition is another one');
  }
}

/** What the propagation policy adds or takes away. Without one, dependents go in the background. */
function finalizersFor({ metadata }: StoredObject, { propagationPolicy }: Json): string[] {
  const { finalizers = [] } = metadata;
  const foreign = finalizers.filter((finalizer) => finalizer !== orphan && finalizer !== foreground);
  const own = finalizers.filter((finalizer) => !foreign.includes(finalizer));
  const chosen = propagationPolicy === 'Orphan' ? [orphan] : propagationPolicy === 'Foreground' ? [foreground] : [];
  const next = [...foreign, ...(propagationPolicy === undefined ? own : chosen)];
  return equal([...next].sort(), [...finalizers].sort()) ? finalizers : next;
}

function markAsGoing(call: Call, existing: StoredObject, finalizers: string[]): StoredObject {
  const { site, route } = call;
  const { generation, deletionGracePeriodSeconds, deletionTimestamp = site.now() } = existing.metadata;
  const first = deletionGracePeriodSeconds === undefined && generation !== undefined;
  const metadata = {
    ...existing.metadata,
    finalizers,
    deletionTimestamp,
    deletionGracePeriodSeconds: 0,
    ...(first && { generation: generation + 1 }),
  };
  const draft = { ...existing, metadata };
  return equal(draft, existing) ? existing : site.store.put(route.served, draft, authorOf(call, 'delete'));
}

function terminate(call: Call, existing: StoredObject, options: Json): StoredObject {
  const { site, route } = call;
  const finalizers = finalizersFor(existing, options);
  const { finalizers: _, ...rest } = existing.metadata;
  const metadata = { ...rest, deletionTimestamp: site.now(), ...(finalizers.length > 0 && { finalizers }) };
  const status = { ...recordOf(existing['status']), phase: 'Terminating' };
  return site.store.put(route.served, { ...existing, metadata, status }, authorOf(call, 'delete'));
}

const hasSpecFinalizers = ({ spec }: StoredObject): boolean =>
  isRecord(spec) && Array.isArray(spec['finalizers']) && spec['finalizers'].length > 0;
