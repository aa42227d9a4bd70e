import { keyOf, type ObjectKey } from 'kube-runtime';
import { deepFreeze } from '../objects/json.ts';
import type { StoredObject } from '../objects/object.ts';
import type { ServedKind } from '../rules/served-kind.ts';

/** One accepted write: what it was, and what it changed. */
export interface Change {
  readonly version: number;
  readonly who: string;
  readonly verb: 'create' | 'update' | 'patch' | 'apply' | 'delete';
  readonly subresource?: string | undefined;
  readonly served: ServedKind;
  /** `namespace/name`, or the name alone. */
  readonly key: string;
  readonly before: StoredObject | undefined;
  /** Undefined when the write removed the object. */
  readonly after: StoredObject | undefined;
}

export type Author = Pick<Change, 'who' | 'verb' | 'subresource'>;

/** Every object and all that ever happened to it, under one counter of versions. */
export class Store {
  readonly #objects = new Map<string, StoredObject>();
  readonly #changes: Change[] = [];
  readonly #listeners = new Set<(change: Change) => void>();
  #version = 1;
  #oldest = 0;

  get version(): number {
    return this.#version;
  }

  /** Versions before this one are forgotten: nobody can watch from them, or read on in a list of them. */
  get oldest(): number {
    return this.#oldest;
  }

  get changes(): readonly Change[] {
    return this.#changes;
  }

  /** Another store with the same objects at the same version, to which what happened before is forgotten. */
  copy(): Store {
    const copy = new Store();
    for (const [id, object] of this.#objects) copy.#objects.set(id, object);
    copy.#version = this.#version;
    copy.#oldest = this.#version;
    return copy;
  }

  compact(before: number): void {
    this.#oldest = Math.max(this.#oldest, before);
  }

  onChange(listener: (change: Change) => void): void {
    this.#listeners.add(listener);
  }

  get(served: ServedKind, key: ObjectKey, version = this.#version): StoredObject | undefined {
    return this.#stateAt(version).get(idOf(served, keyOf(key)));
  }

  /** In the order of a list: by namespace and name. */
  list(served: ServedKind, version = this.#version): StoredObject[] {
    const prefix = idOf(served, '');
    const found = [...this.#stateAt(version)].filter(([id]) => id.startsWith(prefix));
    return found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  }

  all(): StoredObject[] {
    return [...this.#objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  }

  put(served: ServedKind, object: StoredObject, author: Author): StoredObject {
    const version = ++this.#version;
    const stored = deepFreeze({ ...object, metadata: { ...object.metadata, resourceVersion: String(version) } });
    const key = keyOf(stored.metadata);
    const before = this.#objects.get(idOf(served, key));
    this.#objects.set(idOf(served, key), stored);
    this.#record({ ...author, version, served, key, before, after: stored });
    return stored;
  }

  remove(served: ServedKind, object: StoredObject, author: Author): void {
    const version = ++this.#version;
    const key = keyOf(object.metadata);
    const before = this.#objects.get(idOf(served, key));
    this.#objects.delete(idOf(served, key));
    this.#record({ ...author, version, served, key, before, after: undefined });
  }

  #record(change: Change): void {
    this.#changes.push(change);
    for (const listener of this.#listeners) listener(change);
  }

  #stateAt(version: number): ReadonlyMap<string, StoredObject> {
    if (version >= this.#version) return this.#objects;
    const state = new Map(this.#objects);
    for (let index = this.#changes.length - 1; index >= 0; index--) {
      const change = this.#changes[index];
      if (!change || change.version <= version) break;
      const id = idOf(change.served, change.key);
      if (change.before) state.set(id, change.before);
      else state.delete(id);
    }
    return state;
  }
}

const idOf = ({ kind }: ServedKind, key: string): string => `${kind.apiVersion}/${kind.plural} ${key}`;
