import { afterUpdate, encodeManagers, type Managers } from '../fields/managers.ts';
import { withoutEmpty, type StoredObject } from '../objects/object.ts';
import { checkMetadata } from '../rules/metadata.ts';
import type { ServedKind } from '../rules/served-kind.ts';
import type { Author } from '../store/store.ts';
import { admitToNamespace, admitToQuota } from './admission.ts';
import { authorOf, draftFrom, managerName, type Call } from './call.ts';
import { alreadyExists, internal, invalid } from './refused.ts';

export function create(call: Call): StoredObject {
  const { site, route } = call;
  const draft = draftFrom(call);
  const manager = { name: managerName(call), operation: 'Update' } as const;
  const ownership = { served: route.served, manager, now: site.now() };
  return insert(call, draft, 'create', (fresh) => afterUpdate(ownership, undefined, fresh));
}

/** Stores a new object: filled in, admitted to its namespace, checked, admitted to the quotas. In this order, as refusals show it. */
export function insert(call: Call, draft: StoredObject, verb: Author['verb'], managers: (fresh: StoredObject) => Managers): StoredObject {
  const { site, route } = call;
  const { served } = route;
  const { deletionTimestamp: _, deletionGracePeriodSeconds: __, resourceVersion, managedFields: ___, ...given } = draft.metadata;
  draft.metadata = { ...withoutEmpty(given) };
  if (served.status) Reflect.deleteProperty(draft, 'status');
  if (!draft.metadata.name && draft.metadata.generateName) draft.metadata.name = `${draft.metadata.generateName}${suffix(site.next())}`;
  served.defaults?.(draft);
  admitToNamespace(site, served, draft);
  const managedFields = encodeManagers(managers(draft));
  served.prepare?.(draft, undefined);
  const system = { uid: uidOf(site.next()), creationTimestamp: site.now(), ...(served.generation && { generation: 1 }), managedFields };
  draft.metadata = withoutEmpty({ ...draft.metadata, ...system });
  check(served, draft);
  admitToQuota(site, served, draft, false);
  if (verb === 'create' && resourceVersion) throw internal('resourceVersion should not be set on objects to be created');
  if (site.store.get(served, draft.metadata)) throw alreadyExists(served, draft.metadata.name);
  served.stored?.(draft);
  return site.store.put(served, draft, authorOf(call, verb));
}

function check(served: ServedKind, draft: StoredObject): void {
  const errors = [...checkMetadata(served, draft), ...(served.validate?.(draft, undefined) ?? [])];
  if (errors.length > 0) throw invalid(served, draft.metadata.name, errors);
}

const uidOf = (number: number): string => `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;
const suffix = (number: number): string => number.toString(36).padStart(5, '0').slice(-5);
