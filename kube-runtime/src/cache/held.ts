import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { deepFreeze, parseJson } from '../json.ts';
import type { Kind } from '../kind.ts';
import type { BaseObject } from '../resource.ts';
import type { Head } from './informer.ts';
import { RecentlyRead, type TreeHolder } from './recently-read.ts';

/**
 * For objects of some kilobytes: with the usual settings zlib would allocate and clear 256 KiB for each, and let it stay in the way of what
 * comes after. These take half the time and pack as well.
 */
const packing = { windowBits: 14, memLevel: 5, chunkSize: 1_024 };
const unpacking = { windowBits: packing.windowBits, chunkSize: 4_096 };
/** As much as DEFLATE looks back. */
export const dictionaryBytes = 2 ** packing.windowBits;

/** Trees of a megabyte or so: more would outlive the youngest generation of the heap, and cost more to keep than to make again. */
const recently = new RecentlyRead(64);

/**
 * One object as a cache keeps it: as text. That takes a third of the memory of the tree of objects it stands for, and gives the garbage
 * collector nothing to walk through. Reading it costs some microseconds; who reads it again soon gets the same tree.
 *
 * Packed it takes a tenth of that again, and some ten microseconds more to read (DEFLATE, RFC 1951, with another object of its kind as
 * dictionary: most of what two of them say is the same).
 */
export class Held<T extends BaseObject> implements Head, TreeHolder {
  readonly name: string;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly creationTimestamp: string | undefined;
  /** Of the monotonic clock, in milliseconds. */
  readonly since: number = performance.now();
  /** JSON; once packed its bytes, one in each character: a Buffer would have its own memory outside of the heap for each object. */
  #text: string;
  #dictionary: Buffer | undefined;
  readonly #kind: Kind<T>;
  #tree: T | undefined;

  constructor(object: T, kind: Kind<T>) {
    const { name, namespace = '', uid, resourceVersion, creationTimestamp } = object.metadata;
    this.name = name;
    this.namespace = namespace;
    this.uid = uid;
    this.resourceVersion = resourceVersion;
    this.creationTimestamp = creationTimestamp;
    this.#text = JSON.stringify(object);
    this.#kind = kind;
  }

  /** The object, frozen. */
  read(): T {
    this.#tree ??= this.readOnce();
    recently.note(this);
    return this.#tree;
  }

  /** For who reads thousands of objects once: none of the trees outlives its reader. */
  readOnce(): T {
    return deepFreeze(this.#kind.accept(parseJson(this.text)));
  }

  /** `object`, frozen, is what this would read: who looks next need not. */
  reads(object: T): void {
    this.#tree = object;
    recently.note(this);
  }

  letGo(): void {
    this.#tree = undefined;
  }

  get text(): string {
    const dictionary = this.#dictionary;
    return dictionary ? inflateRawSync(Buffer.from(this.#text, 'latin1'), { ...unpacking, dictionary }).toString() : this.#text;
  }

  get packed(): boolean {
    return this.#dictionary !== undefined;
  }

  /** `dictionary` must stay as it is for as long as the object is held. */
  pack(dictionary: Buffer): void {
    if (this.packed) return;
    this.#text = deflateRawSync(this.#text, { ...packing, dictionary }).toString('latin1');
    this.#dictionary = dictionary;
  }
}
