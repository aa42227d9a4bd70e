import { applyConfiguration, type AppliedConfiguration, type ConflictingField } from '../fields/managers.ts';
import { isObject, type StoredObject } from '../objects/object.ts';
import { required } from '../rules/field-error.ts';
import type { ServedKind } from '../rules/served-kind.ts';
import { draftFrom, managerName, nameOf, query, type Call } from './call.ts';
import { insert } from './create.ts';
import { badRequest, conflict, invalid, notFound, type Refused } from './refused.ts';
import { keyFrom } from './route.ts';
import { overwrite } from './update.ts';

/** Server-side apply. Creates what is not there. */
export function apply(call: Call): StoredObject {
  const { site, route } = call;
  const configuration = configurationFrom(call);
  const existing = site.store.get(route.served, keyFrom(route, nameOf(call)));
  return existing ? applyTo(call, existing, configuration) : createBy(call, configuration);
}

function configurationFrom(call: Call): StoredObject {
  const { route, request } = call;
  if (query(call, 'fieldManager') === undefined) {
    throw invalid(route.served, nameOf(call), [required('fieldManager', 'is required for apply patch')]);
  }
  if (!isObject(request.body)) throw badRequest('the configuration is no object with apiVersion, kind and metadata');
  if (request.body.metadata.managedFields?.length) throw badRequest('metadata.managedFields must be nil');
  return draftFrom(call);
}

function createBy(call: Call, configuration: StoredObject): StoredObject {
  const { served, subresource } = call.route;
  const { name, uid } = configuration.metadata;
  if (subresource !== undefined && !served.createOnUpdate) throw notFound(served, name);
  if (uid) throw conflict(served, name, `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`);
  const { apiVersion, kind } = served.kind;
  const fresh = merged(call, { apiVersion, kind, metadata: { name }, ...served.bare }, configuration, true);
  return insert(call, configuration, 'apply', () => ('managers' in fresh ? fresh.managers : new Map()));
}

function applyTo(call: Call, existing: StoredObject, configuration: StoredObject): StoredObject {
  const { served } = call.route;
  const { name, resourceVersion, uid } = configuration.metadata;
  const applied = merged(call, existing, configuration, query(call, 'force') === 'true');
  if ('conflicts' in applied) throw ownedByOthers(served, name, applied.conflicts);
  const draft = structuredClone(applied.object);
  if (uid) draft.metadata.uid = uid;
  if (resourceVersion) draft.metadata.resourceVersion = resourceVersion;
  return overwrite(call, existing, draft, 'apply', () => applied.managers);
}

function merged(call: Call, live: StoredObject, configuration: StoredObject, force: boolean): AppliedConfiguration {
  const { served, subresource } = call.route;
  const manager = { name: managerName(call), operation: 'Apply', subresource } as const;
  const part = partFor(configuration, subresource, served.status);
  return applyConfiguration({ served, manager, now: call.site.now() }, live, part, force);
}

function ownedByOthers(served: ServedKind, name: string, conflicts: readonly ConflictingField[]): Refused {
  const causes = conflicts.map(({ manager, field }) => ({ reason: 'FieldManagerConflict', message: `conflict with "${manager}"`, field }));
  return conflict(served, name, `Apply failed with ${causes.length} conflicts`, causes);
}

/** The part of a configuration that this path takes. */
function partFor(configuration: StoredObject, subresource: string | undefined, hasStatus = false): StoredObject {
  const { resourceVersion: _, uid: __, ...metadata } = configuration.metadata;
  const { status, ...rest } = configuration;
  if (subresource === undefined) return { ...(hasStatus ? rest : configuration), metadata };
  const { apiVersion, kind } = configuration;
  return { apiVersion, kind, metadata: { name: metadata.name }, ...(subresource === 'status' && { status }) };
}
