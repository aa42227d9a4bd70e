/** What the server demands of the metadata of every object. */
import { equal } from '../objects/json.ts';
import type { Metadata, StoredObject } from '../objects/object.ts';
import { immutable, notAllowed, required, wrong, type FieldError } from './field-error.ts';
import { isBuiltIn, type ServedKind } from './served-kind.ts';

const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const service = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
const pathSegment = /^(?!\.{1,2}$)[^/%]+$/;
const qualified = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
/** Whose metadata the server checks by the rules for all kinds alone. */
const loosely = new Set(['Lease', 'PodDisruptionBudget']);
const ownFinalizers = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);

export function checkMetadata(served: ServedKind, { metadata }: StoredObject): FieldError[] {
  return [
    ...checkName(served, metadata),
    ...Object.entries(metadata.labels ?? {}).flatMap(([key, value]) =>
      qualified.test(key) && labelValue.test(value) ? [] : [wrong('metadata.labels', `"${key}: ${value}" is no label`)],
    ),
    ...Object.keys(metadata.annotations ?? {}).flatMap((key) =>
      qualified.test(key.toLowerCase()) ? [] : [wrong('metadata.annotations', `"${key}" is no annotation key`)],
    ),
    ...(metadata.finalizers ?? []).flatMap((finalizer, index) =>
      isFinalizer(served, finalizer) ? [] : [wrong(`metadata.finalizers[${index}]`, `"${finalizer}" is no qualified name`)],
    ),
    ...checkOwners(metadata),
  ];
}

/** Those of custom resources, and of kinds that are checked loosely, may go without a domain. */
const isFinalizer = (served: ServedKind, name: string): boolean =>
  ownFinalizers.has(name) || ((name.includes('/') || !isBuiltIn(served) || loosely.has(served.kind.kind)) && qualified.test(name));

function checkName({ kind }: ServedKind, { name, generateName }: Metadata): FieldError[] {
  if (!name) return [required('metadata.name', 'name or generateName is required')];
  const form = formOf(kind.kind);
  if (name.length <= 253 && form.test(name)) return [];
  const field = generateName ? 'metadata.generateName' : 'metadata.name';
  return [wrong(field, `"${name}" does not match ${form.source}`)];
}

function formOf(kind: string): RegExp {
  if (kind === 'Namespace') return label;
  if (kind === 'Service') return service;
  return kind === 'Role' || kind === 'RoleBinding' || kind === 'PodDisruptionBudget' ? pathSegment : subdomain;
}

function checkOwners({ ownerReferences = [] }: Metadata): FieldError[] {
  const incomplete = ownerReferences.flatMap((owner, index) =>
    (['apiVersion', 'kind', 'name', 'uid'] as const).flatMap((field) =>
      owner[field] ? [] : [wrong(`metadata.ownerReferences[${index}].${field}`, 'must not be empty')],
    ),
  );
  const controllers = ownerReferences.filter(({ controller }) => controller).length;
  return controllers > 1
    ? [...incomplete, wrong('metadata.ownerReferences', 'only one reference can have controller set to true')]
    : incomplete;
}

/** What may not change once an object exists. */
export function checkMetadataChange({ metadata }: StoredObject, { metadata: old }: StoredObject): FieldError[] {
  const fixed = (['name', 'namespace', 'uid', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const).flatMap((field) =>
    equal(metadata[field], old[field]) ? [] : [immutable(`metadata.${field}`)],
  );
  const added = (metadata.finalizers ?? []).filter((finalizer) => !old.finalizers?.includes(finalizer));
  if (!old.deletionTimestamp || added.length === 0) return fixed;
  return [...fixed, notAllowed('metadata.finalizers', 'no new finalizers can be added if the object is being deleted')];
}
