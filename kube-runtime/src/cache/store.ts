import { KubeRuntimeError } from '../errors.ts';
import { keyOf } from '../kind.ts';
import type { BaseObject, ObjectKey } from '../resource.ts';
import type { IndexFunction } from './informer.ts';

const byNamespace = ' namespace';

/** Objects by key, and by whatever else somebody wants to find them. */
export class Store<T extends BaseObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, { readonly values: IndexFunction<T>; readonly keys: Map<string, Set<string>> }>();

  constructor() {
    this.addIndex(byNamespace, (object) => (object.metadata.namespace ? [object.metadata.namespace] : []));
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(keyOf(key));
  }

  list(namespace?: string): T[] {
    return namespace === undefined ? [...this.#objects.values()] : this.byIndex(byNamespace, namespace);
  }

  byIndex(name: string, value: string): T[] {
    const index = this.#indexes.get(name);
    if (!index) throw new KubeRuntimeError('index_unknown', { index: name });
    return [...(index.keys.get(value) ?? [])].flatMap((key) => this.#objects.get(key) ?? []);
  }

  addIndex(name: string, values: IndexFunction<T>): void {
    if (this.#indexes.has(name)) throw new KubeRuntimeError('index_taken', { index: name });
    this.#indexes.set(name, { values, keys: new Map() });
    for (const object of this.#objects.values()) this.#enter(name, object);
  }

  /** Returns what was there before. */
  set(object: T): T | undefined {
    const previous = this.delete(object.metadata);
    this.#objects.set(keyOf(object.metadata), object);
    for (const name of this.#indexes.keys()) this.#enter(name, object);
    return previous;
  }

  delete(key: ObjectKey): T | undefined {
    const id = keyOf(key);
    const previous = this.#objects.get(id);
    if (!previous) return undefined;
    this.#objects.delete(id);
    for (const { values, keys } of this.#indexes.values()) {
      for (const value of values(previous)) {
        const found = keys.get(value);
        found?.delete(id);
        if (found?.size === 0) keys.delete(value);
      }
    }
    return previous;
  }

  #enter(name: string, object: T): void {
    const index = this.#indexes.get(name);
    for (const value of index?.values(object) ?? []) {
      const found = index?.keys.get(value);
      if (found) found.add(keyOf(object.metadata));
      else index?.keys.set(value, new Set([keyOf(object.metadata)]));
    }
  }
}
