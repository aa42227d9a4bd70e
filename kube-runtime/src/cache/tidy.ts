import { isRecord } from '../json.ts';
import type { Kind } from '../kind.ts';
import type { BaseObject } from '../resource.ts';

/**
 * Makes an object of one from a list or watch: named as its kind (items of a list carry neither apiVersion nor kind),
 * without managedFields (often half of its size, and of no use to a reconciler).
 */
export function tidy<T extends BaseObject>(raw: unknown, kind: Kind<T>): T {
  if (!isRecord(raw) || !isRecord(raw['metadata'])) return kind.accept(raw);
  const { managedFields: _, ...metadata } = raw['metadata'];
  return kind.accept({ ...raw, apiVersion: kind.apiVersion, kind: kind.kind, metadata });
}
