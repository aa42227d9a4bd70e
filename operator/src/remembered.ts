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
