import { deepFreeze, isRecord } from '../json.ts';
import type { Kind } from '../kind.ts';
import type { BaseObject } from '../resource.ts';

/**
 * Makes an object from a list or watch ready for a cache: named as its kind (items of a list carry neither apiVersion nor kind),
 * without managedFields (often half of its size, and of no use to a reconciler), frozen.
 */
export function tidy<T extends BaseObject>(raw: unknown, kind: Kind<T>): T {
  if (!isRecord(raw) || !isRecord(raw['metadata'])) return kind.accept(raw);
  const { managedFields: _, ...metadata } = raw['metadata'];
  return deepFreeze(kind.accept({ ...raw, apiVersion: kind.apiVersion, kind: kind.kind, metadata }));
}
