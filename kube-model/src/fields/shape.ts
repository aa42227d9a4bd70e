/** How the parts of an object are owned and merged: what the schema of a kind says about maps and lists. */
import { defaultKeyValue, listKeys } from 'kube-runtime';
import { isRecord } from '../objects/json.ts';
import { isBuiltIn, type ServedKind } from '../rules/served-kind.ts';
import type { Path } from './field-set.ts';

/** Names of fields alone, without items of lists: where the schema is looked up. */
export type SchemaPath = readonly string[];

export type Shape =
  | { readonly type: 'leaf' }
  /** `named`: its fields are the schema's. Otherwise a map, whose keys are owned by themselves. */
  | { readonly type: 'record'; readonly named: boolean }
  | { readonly type: 'list'; readonly element: (item: unknown) => string };

const maps = new Set(['annotations', 'binaryData', 'data', 'hard', 'labels', 'limits', 'requests', 'used']);

/** References and selectors of the built-in kinds, which are owned as a whole. */
const atomicRecords = new Set([
  'configMapKeyRef',
  'fieldRef',
  'labelSelector',
  'namespaceSelector',
  'nodeSelector',
  'podSelector',
  'resourceFieldRef',
  'roleRef',
  'secretKeyRef',
  'selector',
]);

export function shapeOf(served: ServedKind, path: SchemaPath, value: unknown): Shape {
  if (served.atomic?.includes(path.join('.'))) return { type: 'leaf' };
  if (isRecord(value)) {
    if (isAtomic(served, path)) return { type: 'leaf' };
    return { type: 'record', named: !isMap(served, path) };
  }
  if (!Array.isArray(value)) return { type: 'leaf' };
  const keys = served.sets?.includes(path.join('.')) ? 'set' : listKeys(served.kind, path, value);
  if (keys === undefined) return { type: 'leaf' };
  return { type: 'list', element: keys === 'set' ? setElement : (item) => keyElement(keys, item) };
}

/** Whether the last element of the path is a field that the schema names. */
export function isNamedField(served: ServedKind, path: Path): boolean {
  return (path.at(-1)?.startsWith('f:') ?? false) && !isMap(served, schemaPath(path.slice(0, -1)));
}

export const schemaPath = (path: Path): SchemaPath => path.flatMap((element) => (element.startsWith('f:') ? [element.slice(2)] : []));

/** Of records, whose path is that of their list where they are items of one. */
function isAtomic(served: ServedKind, path: SchemaPath): boolean {
  const name = path.join('.');
  if (name === 'metadata.ownerReferences' || served.atomicItems?.includes(name)) return true;
  return isBuiltIn(served) && atomicRecords.has(path.at(-1) ?? '');
}

function isMap(served: ServedKind, path: SchemaPath): boolean {
  if (served.maps?.includes(path.join('.'))) return true;
  return (isBuiltIn(served) || path[0] === 'metadata') && maps.has(path.at(-1) ?? '');
}

const setElement = (item: unknown): string => `v:${JSON.stringify(item)}`;

function keyElement(keys: readonly string[], item: unknown): string {
  const found = [...keys].sort().map((key) => [key, isRecord(item) ? (item[key] ?? defaultKeyValue[key]) : undefined]);
  return `k:${JSON.stringify(Object.fromEntries(found))}`;
}
