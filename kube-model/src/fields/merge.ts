import { isRecord, type Json } from '../objects/json.ts';
import type { ServedKind } from '../rules/served-kind.ts';
import type { FieldSet, Path } from './field-set.ts';
import { schemaPath, shapeOf, type SchemaPath } from './shape.ts';

/** What is live, with all that is applied put over it: maps and keyed lists part by part, everything else as a whole. */
export function merge(served: ServedKind, live: unknown, applied: unknown, path: SchemaPath = []): unknown {
  if (applied === undefined) return live;
  const shape = shapeOf(served, path, applied);
  if (shape.type === 'record' && isRecord(applied) && isRecord(live)) {
    const merged: Json = { ...live };
    for (const [field, value] of Object.entries(applied)) merged[field] = merge(served, live[field], value, [...path, field]);
    return merged;
  }
  if (shape.type === 'list' && Array.isArray(applied) && Array.isArray(live)) return mergeLists(served, live, applied, path, shape.element);
  return applied;
}

/**
 * Items that both have come in the order of what is applied; those that only the live list has stay next to the neighbours that they had.
 */
function mergeLists(
  served: ServedKind,
  live: readonly unknown[],
  applied: readonly unknown[],
  path: SchemaPath,
  element: (item: unknown) => string,
): unknown[] {
  const ours = new Map(applied.map((item) => [element(item), item]));
  const theirs = new Map(live.map((item) => [element(item), item]));
  const wanted = [...ours.keys()];
  const shared = wanted.filter((key) => theirs.has(key));
  const present = [...theirs.keys()];
  const out: unknown[] = [];
  const taken = new Set<string>();
  const take = (key: string): void => {
    taken.add(key);
    out.push(ours.has(key) ? merge(served, theirs.get(key), ours.get(key), path) : theirs.get(key));
    if (shared[0] === key) shared.shift();
  };
  /** A shared item whose turn comes later, with the applied list. */
  const isEarly = (left: string, right: string | undefined): boolean =>
    right !== undefined && ours.has(left) && shared[0] !== undefined && shared[0] !== left;
  let l = 0;
  let r = 0;
  while (l < present.length || r < wanted.length) {
    const left = present[l];
    const right = wanted[r];
    if (left !== undefined && left === right) {
      take(left);
      l++;
      r++;
    } else if (left !== undefined && isEarly(left, right)) l++;
    else if (left !== undefined && !ours.has(left)) {
      take(left);
      l++;
    } else {
      if (left !== undefined && taken.has(left)) l++;
      if (right !== undefined) take(right);
      r++;
    }
  }
  return out;
}

/** A copy without the given fields and all that is inside them. A record or list that this empties becomes null, as on the server. */
export function without(served: ServedKind, value: unknown, set: FieldSet, path: Path = []): unknown {
  const shape = shapeOf(served, schemaPath(path), value);
  if (shape.type === 'record' && isRecord(value)) {
    const kept = Object.entries(value).filter(([field]) => !set.has([...path, `f:${field}`]));
    const inner = kept.map(([field, part]) => [field, without(served, part, set, [...path, `f:${field}`])]);
    return inner.length === 0 && Object.keys(value).length > 0 ? null : Object.fromEntries(inner);
  }
  if (shape.type === 'list' && Array.isArray(value)) {
    const kept = value.filter((item) => !set.has([...path, shape.element(item)]));
    const inner = kept.map((item: unknown) => without(served, item, set, [...path, shape.element(item)]));
    return inner.length === 0 && value.length > 0 ? null : inner;
  }
  return value;
}
