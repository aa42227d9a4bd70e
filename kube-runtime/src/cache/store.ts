import { KubeRuntimeError } from '../errors.ts';
import type { BaseObject, ObjectKey } from '../resource.ts';
import type { Held } from './held.ts';
import type { IndexFunction } from './informer.ts';

interface Index<T extends BaseObject> {
  readonly values: IndexFunction<T>;
  readonly found: Map<string, Set<Held<T>>>;
  /** Under which values an object is found, so that it can be taken out without being read. */
  readonly entered: Map<Held<T>, readonly string[]>;
}

interface Projecting<T extends BaseObject> {
  set(held: Held<T>, object: T): void;
  delete(held: Held<T>): void;
}

/** Objects by namespace and name, and by whatever else somebody wants to find them. What comes out is frozen. */
export class Store<T extends BaseObject> {
  readonly #namespaces = new Map<string, Map<string, Held<T>>>();
  readonly #indexes = new Map<string, Index<T>>();
  readonly #projections: Projecting<T>[] = [];
  readonly #onFault: (error: unknown) => void;
  #size = 0;

  /** `onFault` is told of what an index or projection throws; the object is then found under no value of that index, or has no projection. */
  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault;
  }

  get size(): number {
    return this.#size;
  }

  get(key: ObjectKey): T | undefined {
    return this.find(key)?.read();
  }

  /** What is known of an object without reading it. */
  find({ name, namespace = '' }: ObjectKey): Held<T> | undefined {
    return this.#namespaces.get(namespace)?.get(name);
  }

  *all(): Generator<Held<T>> {
    for (const objects of this.#namespaces.values()) yield* objects.values();
  }

  list(namespace?: string): T[] {
    return this.heads(namespace).map((held) => held.read());
  }

  heads(namespace?: string): Held<T>[] {
    return [...(namespace === undefined ? this.all() : (this.#namespaces.get(namespace)?.values() ?? []))];
  }

  byIndex(name: string, value: string): T[] {
    return this.headsByIndex(name, value).map((held) => held.read());
  }

  headsByIndex(name: string, value: string): Held<T>[] {
    const index = this.#indexes.get(name);
    if (!index) throw new KubeRuntimeError('index_unknown', { index: name });
    return [...(index.found.get(value) ?? [])];
  }

  project<V>(make: (object: T) => V): (key: ObjectKey) => V | undefined {
    const values = new Map<Held<T>, V | undefined>();
    const projecting: Projecting<T> = {
      set: (held, object) =>
        values.set(
          held,
          this.#contained(() => make(object)),
        ),
      delete: (held) => values.delete(held),
    };
    this.#projections.push(projecting);
    for (const held of this.all()) projecting.set(held, held.readOnce());
    return (key) => {
      const held = this.find(key);
      return held && values.get(held);
    };
  }

  addIndex(name: string, values: IndexFunction<T>): void {
    if (this.#indexes.has(name)) throw new KubeRuntimeError('index_taken', { index: name });
    const orNone = (object: T): readonly string[] => this.#contained(() => values(object)) ?? [];
    const index = { values: orNone, found: new Map<string, Set<Held<T>>>(), entered: new Map<Held<T>, readonly string[]>() };
    this.#indexes.set(name, index);
    for (const held of this.all()) enter(index, held, held.readOnce());
  }

  #contained<V>(make: () => V): V | undefined {
    try {
      return make();
    } catch (error) {
      this.#onFault(error);
      return undefined;
    }
  }

  /** `object` is what `held` would read. */
  set(held: Held<T>, object: T): void {
    this.delete(held);
    const objects = this.#namespaces.get(held.namespace);
    if (objects) objects.set(held.name, held);
    else this.#namespaces.set(held.namespace, new Map([[held.name, held]]));
    this.#size++;
    for (const index of this.#indexes.values()) enter(index, held, object);
    for (const projection of this.#projections) projection.set(held, object);
  }

  /** False when there was none. */
  delete({ name, namespace = '' }: ObjectKey): boolean {
    const objects = this.#namespaces.get(namespace);
    const held = objects?.get(name);
    if (!objects || !held) return false;
    objects.delete(name);
    this.#size--;
    if (objects.size === 0) this.#namespaces.delete(namespace);
    for (const index of this.#indexes.values()) leave(index, held);
    for (const projection of this.#projections) projection.delete(held);
    return true;
  }
}

function enter<T extends BaseObject>({ values, found, entered }: Index<T>, held: Held<T>, object: T): void {
  const all = values(object);
  entered.set(held, all);
  for (const value of all) {
    const those = found.get(value);
    if (those) those.add(held);
    else found.set(value, new Set([held]));
  }
}

function leave<T extends BaseObject>({ found, entered }: Index<T>, held: Held<T>): void {
  for (const value of entered.get(held) ?? []) {
    const those = found.get(value);
    those?.delete(held);
    if (those?.size === 0) found.delete(value);
  }
  entered.delete(held);
}
