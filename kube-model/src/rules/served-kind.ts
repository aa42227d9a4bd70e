import type { BaseObject, Kind } from 'kube-runtime';
import type { StoredObject } from '../objects/object.ts';
import { wrong, type FieldError } from './field-error.ts';

export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string;
}

/** One resource that the model serves, with what makes its kind special. Everything left out is as for a ConfigMap. */
export interface ServedKind {
  readonly kind: Kind<BaseObject>;
  /** Has a `/status` of its own: writes to the object leave the status alone, and the other way round. */
  readonly status?: boolean;
  readonly scale?: ScalePaths;
  /**
   * Whether `metadata.generation` counts changes of all but metadata and status, for Deployments of annotations too, and for NetworkPolicies
   * every write that names a list or map of nothing, which is another one than none at all until it is stored.
   */
  readonly generation?: 'spec' | 'spec and annotations' | 'spec as given';
  /** PUT without a resourceVersion overwrites, rather than being refused. */
  readonly unconditionalUpdate?: boolean;
  /** PUT creates what is not there. */
  readonly createOnUpdate?: boolean;
  /** Paths of maps with free keys beside the well-known ones (labels, annotations, data, …), for example `spec.settings`. */
  readonly maps?: readonly string[];
  /** Paths of lists of the kind's own that are sets. Lists merged by key are named in `kind.listKeys`. */
  readonly sets?: readonly string[];
  /** Paths of records and lists of the kind's own that are owned as a whole. Lists without keys always are. */
  readonly atomic?: readonly string[];
  /** Paths of lists merged by key whose items are owned as a whole. */
  readonly atomicItems?: readonly string[];
  /** What an object of nothing looks like: records that a typed server never lacks, so that nobody becomes their owner by creating one. */
  readonly bare?: object;
  /** Fills in what was left out, on every write that carries the whole object. */
  readonly defaults?: (draft: StoredObject) => void;
  /** Last changes before an object is stored; `old` is undefined when it is created. */
  readonly prepare?: (draft: StoredObject, old: StoredObject | undefined) => void;
  readonly validate?: (object: StoredObject, old: StoredObject | undefined) => readonly FieldError[];
  /** What comes out of the store otherwise than it went in. */
  readonly stored?: (draft: StoredObject) => void;
}

/** A custom resource with `/status`, as by a CustomResourceDefinition. Give `validate` and `defaults` what its schema says. */
export function customKind(kind: Kind<BaseObject>, rules: Omit<ServedKind, 'kind' | 'unconditionalUpdate'> = {}): ServedKind {
  const validate: ServedKind['validate'] = (object, old) => [...checkNulls(object, ''), ...(rules.validate?.(object, old) ?? [])];
  return { status: true, generation: 'spec', ...rules, validate, kind };
}

/** No field of a custom resource may be null, unless its schema says so: removing the last key of a map may leave one. */
function checkNulls(value: unknown, field: string): FieldError[] {
  if (value === null) return [wrong(field, 'must not be null')];
  if (typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, inner]) => checkNulls(inner, field === '' ? name : `${field}.${name}`));
}

export const isBuiltIn = ({ kind }: ServedKind): boolean => {
  const [group = ''] = kind.apiVersion.split('/');
  return !group.includes('.') || group.endsWith('.k8s.io');
};
