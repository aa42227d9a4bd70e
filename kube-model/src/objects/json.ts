/** JSON as the model works on it: what is stored is frozen, what is being made is a draft. */
import { isDeepStrictEqual } from 'node:util';

export type Json = Record<string, unknown>;

export const isRecord = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

export const recordOf = (value: unknown): Json => (isRecord(value) ? value : {});

export const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

export const equal: (one: unknown, other: unknown) => boolean = isDeepStrictEqual;

export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}

/** The value at a path of field names, or undefined. */
export const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, field) => (isRecord(inner) ? inner[field] : undefined), value);

/** A copy with one field set, records on the way made as needed. */
export function withAt(value: Json, [field, ...rest]: readonly string[], set: unknown): Json {
  if (field === undefined) return value;
  return { ...value, [field]: rest.length === 0 ? set : withAt(recordOf(value[field]), rest, set) };
}
