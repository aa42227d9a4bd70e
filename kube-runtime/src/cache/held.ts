import { deepFreeze, parseJson } from '../json.ts';
import type { Kind } from '../kind.ts';
import type { BaseObject } from '../resource.ts';

/**
 * One object as a cache keeps it: as text. That takes a third of the memory of the tree of objects it stands for, and gives the garbage
 * collector nothing to walk through. Reading it costs some microseconds, and gives every reader a tree of its own.
 */
export class Held<T extends BaseObject> {
  readonly name: string;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly #text: string;
  readonly #kind: Kind<T>;

  constructor(object: T, kind: Kind<T>) {
    const { name, namespace = '', uid, resourceVersion } = object.metadata;
    this.name = name;
    this.namespace = namespace;
    this.uid = uid;
    this.resourceVersion = resourceVersion;
    this.#text = JSON.stringify(object);
    this.#kind = kind;
  }

  /** The object, frozen. */
  read(): T {
    return deepFreeze(this.#kind.accept(parseJson(this.#text)));
  }
}
