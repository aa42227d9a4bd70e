/**
 * Makes something of an object once, for as long as somebody has the object. For what is costly and asked for in every run: objects of a cache
 * are frozen, and those that every run looks at stay the same.
 */
export function remembered<K extends object, V>(make: (object: K) => V): (object: K) => V {
  const known = new WeakMap<K, { readonly made: V }>();
  return (object) => {
    const before = known.get(object);
    if (before) return before.made;
    const made = make(object);
    known.set(object, { made });
    return made;
  };
}

export interface Interning<T> {
  readonly limit: number;
  /** What a value is about: of each, the latest is kept. */
  readonly about: (value: T) => string;
  /** The same for values that are the same. */
  readonly text: (value: T) => string;
}

/** Gives the earlier one of two values that are the same, so that what is {@link remembered} of it need not be made again. Knows only the latest `limit`. */
export function interned<T>({ limit, about, text }: Interning<T>): (value: T) => T {
  const known = new Map<string, { readonly text: string; readonly value: T }>();
  return (value) => {
    const [name, current] = [about(value), text(value)];
    const before = known.get(name);
    if (before?.text === current) return before.value;
    known.delete(name);
    known.set(name, { text: current, value });
    const [oldest] = known.size > limit ? known.keys() : [];
    if (oldest !== undefined) known.delete(oldest);
    return value;
  };
}
