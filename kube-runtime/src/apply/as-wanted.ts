import type { BaseObject } from '../resource.ts';
import type { Head } from '../cache/informer.ts';

/** As many as the runs of some tens of owners apply at the same time: what is kept should not outweigh the caches. */
const limit = 512;

interface Found {
  readonly print: string;
  readonly object: BaseObject;
}

/**
 * What was applied of late and found to be as wanted already. A controller comes by several times within moments, mostly because one child of many
 * has changed; for the others, the same wish and the same version of the object mean the same answer.
 *
 * Kept from the second time on: a start looks at every object once, and would only pay for what is kept.
 */
export class AsWanted {
  readonly #found = new Map<string, Found>();
  readonly #seen = new Set<string>();

  /** The object, where `print` was found fulfilled by the version that is there now. */
  find(target: string, print: string, there: Head | undefined): BaseObject | undefined {
    const found = this.#found.get(target);
    if (!found || !there || found.print !== print) return undefined;
    const { uid, resourceVersion } = found.object.metadata;
    const same = resourceVersion !== undefined && resourceVersion === there.resourceVersion && uid === there.uid;
    return same ? found.object : undefined;
  }

  note(target: string, print: string, object: BaseObject): void {
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
