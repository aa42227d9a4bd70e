import { keyOf } from '../kind.ts';
import type { BaseObject, ObjectKey } from '../resource.ts';
import type { Held } from './held.ts';
import { compareVersions } from './version.ts';

interface Ahead<T extends BaseObject> {
  /** What handlers last heard of the object. Undefined: they know of none. */
  told: Held<T> | undefined;
  /** What the cache has held since, the oldest first. */
  readonly untold: Held<T>[];
}

/**
 * Writes of our own that a cache holds before the watch brings them.
 *
 * Whoever looked may have read each of them, so handlers hear of each of them, too, in their order: one that asks "did it change?" would else
 * compare only the states before and after, and miss that it changed there and back.
 */
export class OwnWrites<T extends BaseObject> {
  readonly #ahead = new Map<string, Ahead<T>>();

  /** `held` is in the cache now, in place of `known`, and nobody was told. */
  note(held: Held<T>, known: Held<T> | undefined): void {
    const before = this.#ahead.get(keyOf(held));
    if (before) before.untold.push(held);
    else this.#ahead.set(keyOf(held), { told: known, untold: [held] });
  }

  /** What handlers last heard of: `known`, unless the cache is ahead of them. */
  toldOf(next: Held<T>, known: Held<T> | undefined): { readonly last: Held<T> | undefined; readonly isAhead: boolean } {
    const ahead = this.#ahead.get(keyOf(next));
    return ahead ? { last: ahead.told, isAhead: true } : { last: known, isAhead: false };
  }

  /** `next` is told now, after what was `missed`. `overtaken`: the cache holds a later write of our own already. */
  catchUp(next: Held<T>): { readonly missed: readonly Held<T>[]; readonly overtaken: boolean } {
    const ahead = this.#ahead.get(keyOf(next));
    if (!ahead) return { missed: [], overtaken: false };
    const missed: Held<T>[] = [];
    for (let first = ahead.untold[0]; first; first = ahead.untold[0]) {
      const order = compareVersions(first.resourceVersion, next.resourceVersion) ?? 0;
      if (order > 0) break;
      if (order < 0) missed.push(first);
      ahead.untold.shift();
    }
    ahead.told = next;
    const overtaken = ahead.untold.length > 0;
    if (!overtaken) this.#ahead.delete(keyOf(next));
    return { missed, overtaken };
  }

  /** Handlers hear now that the object was gone by `version`. True: a write of our own that came after that stays, and is told as a new object. */
  outlive(key: ObjectKey, version: string | undefined): boolean {
    const ahead = this.#ahead.get(keyOf(key));
    const later = ahead?.untold.filter(({ resourceVersion }) => (compareVersions(resourceVersion, version) ?? 0) > 0) ?? [];
    if (later.length > 0) this.#ahead.set(keyOf(key), { told: undefined, untold: later });
    else this.#ahead.delete(keyOf(key));
    return later.length > 0;
  }
}
