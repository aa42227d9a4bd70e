import { isRecord } from '../json.ts';
import type { Kind } from '../kind.ts';
import type { BaseObject } from '../resource.ts';
import { sameQuantity } from './quantity.ts';
import { defaultKeyValue, isQuantity, listKeys, meansAbsent } from './schema-facts.ts';

/**
 * The path of the first field that we want otherwise than it is, or undefined when all is as wanted.
 *
 * Only fields of `desired` are looked at: what the server or others added does not count. Undefined and null mean "not ours".
 */
export function firstDifference(kind: Kind<BaseObject>, desired: unknown, live: unknown, path: readonly string[] = []): string | undefined {
  if (isNothing(desired)) return undefined;
  if (isNothing(live)) return meansAbsent(kind, path.at(-1) ?? '', desired) ? undefined : path.join('.');
  if (Array.isArray(desired) && Array.isArray(live)) return inList(kind, desired, live, path);
  if (isRecord(desired) && isRecord(live)) return inRecord(kind, desired, live, path);
  return sameValue(kind, desired, live, path) ? undefined : path.join('.');
}

const sameValue = (kind: Kind<BaseObject>, a: unknown, b: unknown, path: readonly string[]): boolean =>
  a === b || (isQuantity(kind, path) && sameQuantity(a, b));

const isNothing = (value: unknown): value is undefined | null => value === undefined || value === null;

function inRecord(
  kind: Kind<BaseObject>,
  desired: Readonly<Record<string, unknown>>,
  live: Readonly<Record<string, unknown>>,
  path: readonly string[],
): string | undefined {
  for (const [field, value] of Object.entries(desired)) {
    const found = firstDifference(kind, value, live[field], [...path, field]);
    if (found !== undefined) return found;
  }
  return undefined;
}

function inList(
  kind: Kind<BaseObject>,
  desired: readonly unknown[],
  live: readonly unknown[],
  path: readonly string[],
): string | undefined {
  const keys = listKeys(kind, path, desired);
  if (keys === 'set') return desired.every((item) => live.includes(item)) ? undefined : path.join('.');
  if (keys === undefined && desired.length !== live.length) return path.join('.');
  for (const [index, item] of desired.entries()) {
    const partner = keys === undefined ? live[index] : live.find((other) => sameKey(keys, item, other));
    if (partner === undefined) return [...path, String(index)].join('.');
    // items are judged at the path of their list, so that rules about its fields apply to each of them
    const found = isRecord(item) || Array.isArray(item) ? firstDifference(kind, item, partner, path) : unequal(item, partner, path);
    if (found !== undefined) return found;
  }
  return undefined;
}

const unequal = (a: unknown, b: unknown, path: readonly string[]): string | undefined => (a === b ? undefined : path.join('.'));

function sameKey(keys: readonly string[], a: unknown, b: unknown): boolean {
  return isRecord(a) && isRecord(b) && keys.every((key) => (a[key] ?? defaultKeyValue[key]) === (b[key] ?? defaultKeyValue[key]));
}

/** Names of all fields set in an object, each list item under its key. Two objects with equal paths own the same fields. */
export function fieldPaths(
  kind: Kind<BaseObject>,
  value: unknown,
  path: readonly string[] = [],
  shown: readonly string[] = path,
): string[] {
  if (isNothing(value)) return [];
  if (isRecord(value)) {
    const inner = Object.entries(value).flatMap(([field, item]) => fieldPaths(kind, item, [...path, field], [...shown, field]));
    return inner.length > 0 ? inner : [shown.join('.')];
  }
  if (!Array.isArray(value)) return [shown.join('.')];
  const keys = listKeys(kind, path, value);
  if (keys === undefined) return [shown.join('.')];
  return value.flatMap((item: unknown) => fieldPaths(kind, item, path, [...shown, itemKey(keys, item)]));
}

function itemKey(keys: readonly string[] | 'set', item: unknown): string {
  return JSON.stringify(keys === 'set' || !isRecord(item) ? [item] : keys.map((key) => item[key] ?? defaultKeyValue[key]));
}
