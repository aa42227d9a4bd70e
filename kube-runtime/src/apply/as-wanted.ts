import type { BaseObject } from '../resource.ts';
import type { Head } from '../cache/informer.ts';

/** As many as the runs of some tens of owners apply at the same time: what is kept should not outweigh the caches. */
const limit = 512;
/** Characters of a wish. What is larger is compared each time: it is rare, and some of it would outweigh all else that is kept. */
const largest = 16_384;

/** Of which object it is, and what it says together with its owner. */
export interface Wish {
  readonly target: string;
  readonly print: string;
}

interface Found {
  readonly print: string;
  readonly object: BaseObject;
}

/**
 * What was applied of late and found to be as wanted already. A controller comes by several times within moments, mostly because one child of many
 * has changed; for the others, the same wish and the same version of the object mean the same answer.
 *
 * Kept from the second time on: a start looks at every object once, and would only pay for what is kept. Only objects of a cache, which are frozen: what
 * was read live has no version to compare with later.
 */
export class AsWanted {
  readonly #found = new Map<string, Found>();
  readonly #seen = new Set<string>();

  /** The object, where this wish was found fulfilled by the version that is there now. */
  find({ target, print }: Wish, there: Head | undefined): BaseObject | undefined {
    const found = this.#found.get(target);
    if (!found || !there || found.print !== print) return undefined;
    const { uid, resourceVersion } = found.object.metadata;
    const same = resourceVersion !== undefined && resourceVersion === there.resourceVersion && uid === there.uid;
    return same ? found.object : undefined;
  }

  note({ target, print }: Wish, object: BaseObject): void {
    if (!Object.isFrozen(object) || print.length > largest) return;
    if (!this.#seen.has(target)) {
      if (this.#seen.size >= 8 * limit) this.#seen.clear();
      this.#seen.add(target);
      return;
    }
    this.#found.delete(target);
    this.#found.set(target, { print, object });
    const [oldest] = this.#found.size > limit ? this.#found.keys() : [];
    if (oldest !== undefined) this.#found.delete(oldest);
  }
}
