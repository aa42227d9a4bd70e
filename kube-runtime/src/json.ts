/** JSON as it comes off the wire, before anything is known of it. */
export type JsonRecord = Readonly<Record<string, unknown>>;

export const isRecord = (value: unknown): value is JsonRecord => typeof value === 'object' && value !== null && !Array.isArray(value);

export const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** JSON.parse without its `any`. Throws SyntaxError. */
export const parseJson = (text: string): unknown => JSON.parse(text);

/**
 * Freezes a tree of JSON in place, so that no reader of a cache can change it under the others.
 * Done for all that a cache tells or gives out, so written for speed: no list of values for each level, no `in` over lists.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (Array.isArray(value)) for (const inner of value) deepFreeze(inner);
  else for (const field in value) deepFreeze(value[field]);
  return Object.freeze(value);
}
