import { keyOf, type BaseObject, type Informer } from 'kube-runtime';

/** Values of all objects, in no order. */
export type Digest<V> = () => Iterable<V>;

/**
 * A little of each object of a cache, taken whenever the object changes: for who looks at all of them every few seconds, for which reading
 * thousands of whole objects would be too dear.
 */
export function digest<T extends BaseObject, V>(informer: Pick<Informer<T>, 'onChange'>, of: (object: T) => V): Digest<V> {
  const values = new Map<string, V>();
  informer.onChange(({ type, object }) => {
    if (type === 'deleted') values.delete(keyOf(object.metadata));
    else values.set(keyOf(object.metadata), of(object));
  });
  return () => values.values();
}
