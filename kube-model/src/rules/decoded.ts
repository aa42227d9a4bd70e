/** How the types of built-in kinds write down what they were given. */
import { isRecord } from '../objects/json.ts';

/** Maps that are left out when nothing is in them. Records of nothing stay: an empty selector selects everything. */
const maps = new Set(['default', 'defaultRequest', 'disruptedPods', 'matchLabels', 'max', 'maxLimitRequestRatio', 'min']);

const isNothing = (field: string, value: unknown): boolean =>
  Array.isArray(value) ? value.length === 0 : isRecord(value) && maps.has(field) && Object.keys(value).length === 0;

/** Without nulls, and without lists and maps of nothing. */
export function withoutNothing<T>(value: T): T;
export function withoutNothing(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => withoutNothing(item));
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).filter(([field, inner]) => inner !== null && inner !== undefined && !isNothing(field, inner));
  return Object.fromEntries(kept.map(([field, inner]) => [field, withoutNothing(inner)]));
}

/** Whether a list or map of nothing is anywhere in it. */
export function namesNothing(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(namesNothing);
  return isRecord(value) && Object.entries(value).some(([field, inner]) => isNothing(field, inner) || namesNothing(inner));
}
