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
  for (const field of Object.keys(desired)) {
    const [wanted, there] = [desired[field], live[field]];
    if (wanted === there) continue; // most are, and need no path
    const found = firstDifference(kind, wanted, there, [...path, field]);
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
export function fieldPaths(kind: Kind<BaseObject>, value: unknown, path: readonly string[] = []): string[] {
  const found: string[] = [];
  gatherPaths(kind, value, [...path], path.join('.'), found);
  return found;
}

/** Runs over every child of every reconcile: one list for all, and one path that grows and shrinks, instead of new ones at each field. */
function gatherPaths(kind: Kind<BaseObject>, value: unknown, path: string[], shown: string, found: string[]): void {
  if (isNothing(value)) return;
  const keys = Array.isArray(value) ? listKeys(kind, path, value) : undefined;
  if (Array.isArray(value) && keys !== undefined) {
    for (const item of value) gatherPaths(kind, item, path, `${shown}.${itemKey(keys, item)}`, found);
    return;
  }
  const before = found.length;
  if (isRecord(value)) {
    for (const field of Object.keys(value)) {
      path.push(field);
      gatherPaths(kind, value[field], path, shown === '' ? field : `${shown}.${field}`, found);
      path.pop();
    }
    if (found.length > before) return;
  }
  found.push(shown);
}

function itemKey(keys: readonly string[] | 'set', item: unknown): string {
  return JSON.stringify(keys === 'set' || !isRecord(item) ? [item] : keys.map((key) => item[key] ?? defaultKeyValue[key]));
}
