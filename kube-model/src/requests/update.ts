import { afterUpdate, encodeManagers, type Managers } from '../fields/managers.ts';
import { equal, recordOf } from '../objects/json.ts';
import { withoutEmpty, type ManagedFieldsEntry, type StoredObject } from '../objects/object.ts';
import { namesNothing } from '../rules/decoded.ts';
import { required, type FieldError } from '../rules/field-error.ts';
import { checkMetadata, checkMetadataChange } from '../rules/metadata.ts';
import type { ServedKind } from '../rules/served-kind.ts';
import type { Author } from '../store/store.ts';
import { authorOf, draftFrom, managerName, nameOf, type Call } from './call.ts';
import { insert } from './create.ts';
import { conflict, invalid, notFound } from './refused.ts';
import { keyFrom } from './route.ts';

export const stale = 'the object has been modified; please apply your changes to the latest version and try again';

/** PUT. */
export function update(call: Call): StoredObject {
  const { site, route } = call;
  const { served } = route;
  const name = nameOf(call);
  const draft = draftFrom(call);
  const existing = site.store.get(served, keyFrom(route, name));
  if (!existing && !served.createOnUpdate) throw notFound(served, name);
  if (draft.metadata.uid && draft.metadata.uid !== existing?.metadata.uid) throw conflict(served, name, 'Precondition failed: UID');
  if (!existing) return insert(call, draft, 'update', ownersAfter(call, undefined));
  if (!draft.metadata.resourceVersion && !served.unconditionalUpdate) {
    throw invalid(served, name, [required('metadata.resourceVersion', 'must be specified for an update')]);
  }
  return overwrite(call, existing, draft, 'update', ownersAfter(call, existing));
}

export function ownersAfter(call: Call, existing: StoredObject | undefined): (next: StoredObject) => Managers {
  const { site, route } = call;
  const manager = { name: managerName(call), operation: 'Update', subresource: route.subresource } as const;
  return (next) => afterUpdate({ served: route.served, manager, now: site.now() }, existing, next);
}

/**
 * Puts a draft in the place of an object, unless that would change nothing. The object goes when it was being deleted and the draft has no
 * finalizers left.
 *
 * @throws Refused 409 when the draft was made from another version, 422 when it breaks a rule.
 */
export function overwrite(
  call: Call,
  existing: StoredObject,
  given: StoredObject,
  verb: Author['verb'],
  managers: (next: StoredObject) => Managers,
): StoredObject {
  const { site, route } = call;
  const { served, subresource } = route;
  const { name, resourceVersion = '' } = existing.metadata;
  const draft = carry(served, subresource, given, existing);
  const managedFields = encodeManagers(managers(draft));
  if (given.metadata.resourceVersion && given.metadata.resourceVersion !== resourceVersion) throw conflict(served, name, stale);
  if (subresource === undefined) served.prepare?.(draft, existing);
  draft.metadata = settled(served, { given, draft, existing }, managedFields);
  const errors = errorsIn(served, draft, existing);
  if (errors.length > 0) throw invalid(served, name, errors);
  const author = authorOf(call, verb);
  if (isOver(served, draft)) {
    site.store.remove(served, existing, author);
    return draft;
  }
  served.stored?.(draft);
  return equal(withoutTimes(draft), withoutTimes(existing)) ? existing : site.store.put(served, draft, author);
}

const errorsIn = (served: ServedKind, draft: StoredObject, existing: StoredObject): FieldError[] => [
  ...checkMetadata(served, draft),
  ...checkMetadataChange(draft, existing),
  ...(served.validate?.(draft, existing) ?? []),
];

/** A write to the object leaves its status alone, and one to a subresource everything else. */
function carry(served: ServedKind, subresource: string | undefined, given: StoredObject, existing: StoredObject): StoredObject {
  const { resourceVersion: _, ...metadata } = given.metadata;
  if (subresource === undefined) {
    const draft = { ...given, metadata: withoutEmpty(metadata), ...(served.status && { status: existing['status'] }) };
    served.defaults?.(draft);
    return draft;
  }
  const part = subresource === 'status' ? 'status' : 'spec';
  const draft = { ...structuredClone(existing), [part]: given[part] };
  served.defaults?.(draft);
  return draft;
}

/** What came, what it is made into, and what it takes the place of. */
interface Write {
  readonly given: StoredObject;
  readonly draft: StoredObject;
  readonly existing: StoredObject;
}

/** Metadata that the server keeps as it was, whatever a draft says. */
function settled(served: ServedKind, write: Write, managedFields: ManagedFieldsEntry[]): StoredObject['metadata'] {
  const { draft, existing } = write;
  const { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds, resourceVersion } = existing.metadata;
  if (draft['status'] === undefined) Reflect.deleteProperty(draft, 'status');
  const next = {
    ...draft.metadata,
    uid: draft.metadata.uid ?? uid,
    creationTimestamp,
    deletionTimestamp: deletionTimestamp ?? draft.metadata.deletionTimestamp,
    deletionGracePeriodSeconds: deletionGracePeriodSeconds ?? draft.metadata.deletionGracePeriodSeconds,
    resourceVersion,
    generation: generation === undefined ? undefined : generation + (isNewGeneration(served, write) ? 1 : 0),
    managedFields,
  };
  return withoutEmpty(Object.assign({ name: draft.metadata.name }, defined(next)));
}

const defined = (fields: object): object => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

function isNewGeneration(served: ServedKind, { given, draft, existing }: Write): boolean {
  if (served.generation === 'spec as given' && namesNothing(given['spec'])) return true;
  if (served.generation === 'spec and annotations' && !equal(draft.metadata.annotations ?? {}, existing.metadata.annotations ?? {}))
    return true;
  return !equal(contentOf(draft), contentOf(existing));
}

function contentOf({ metadata: _, status: __, ...content }: StoredObject): object {
  return content;
}

function isOver(served: ServedKind, { metadata, spec }: StoredObject): boolean {
  if (!metadata.deletionTimestamp || metadata.finalizers?.length || (metadata.deletionGracePeriodSeconds ?? 0) > 0) return false;
  const { finalizers } = recordOf(spec);
  return served.kind.kind !== 'Namespace' || !Array.isArray(finalizers) || finalizers.length === 0;
}

/** Ownership that differs in its times alone is the same. */
function withoutTimes(object: StoredObject): StoredObject {
  const managedFields = object.metadata.managedFields?.map(({ time: _, ...entry }) => JSON.stringify(entry)).sort();
  return { ...object, metadata: Object.assign({}, object.metadata, { managedFields }) };
}
