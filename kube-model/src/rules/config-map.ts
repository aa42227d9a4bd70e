import { kind } from 'kube-runtime';
import { equal, recordOf } from '../objects/json.ts';
import type { StoredObject } from '../objects/object.ts';
import { immutable, wrong, type FieldError } from './field-error.ts';
import type { ServedKind } from './served-kind.ts';

export const configMap: ServedKind = {
  kind: kind('v1', 'ConfigMap'),
  unconditionalUpdate: true,
  defaults: (draft) => dropEmptyMaps(draft, 'data', 'binaryData'),
  validate: (object, old) => [...checkKeys(object, 'data', 'binaryData'), ...checkFrozen(object, old, 'data', 'binaryData')],
};

export function dropEmptyMaps(draft: StoredObject, ...fields: readonly string[]): void {
  for (const field of fields)
    if (draft[field] === null || Object.keys(recordOf(draft[field])).length === 0) Reflect.deleteProperty(draft, field);
}

/** Keys are file names. */
export const checkKeys = (object: StoredObject, ...fields: readonly string[]): FieldError[] =>
  fields.flatMap((field) =>
    Object.keys(recordOf(object[field])).flatMap((key) =>
      /^[-._a-zA-Z0-9]{1,253}$/.test(key) && !/^\.\.?$/.test(key) && !key.startsWith('..')
        ? []
        : [wrong(`${field}[${key}]`, 'a valid key consists of alphanumeric characters, "-", "_" or "."')],
    ),
  );

/** Once `immutable` is true, it stays true and the data stays as it is. */
export function checkFrozen(object: StoredObject, old: StoredObject | undefined, ...fields: readonly string[]): FieldError[] {
  if (old?.['immutable'] !== true) return [];
  const thawed = object['immutable'] === true ? [] : [immutable('immutable')];
  return [...thawed, ...fields.flatMap((field) => (equal(object[field], old[field]) ? [] : [immutable(field)]))];
}
