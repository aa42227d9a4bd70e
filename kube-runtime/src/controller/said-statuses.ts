import { isDeepStrictEqual } from 'node:util';
import type { Change } from '../cache/informer.ts';
import { compareVersions } from '../cache/version.ts';
import { keyOf } from '../kind.ts';
import type { BaseObject } from '../resource.ts';

/**
 * Tells a status that this process has written, or found as it should be, from one that somebody else has written since: a person, or a leader before
 * this one whose last write came after all had been looked at here. Nothing else would wake an object whose spec is as it was.
 */
export class SaidStatuses<T extends BaseObject> {
  readonly #versions = new Map<string, string>();

  /** The object as it is with the status that it should have. */
  note({ metadata }: T): void {
    if (metadata.resourceVersion !== undefined) this.#versions.set(keyOf(metadata), metadata.resourceVersion);
  }

  /** What an object was before is read only where the change is not our own. */
  isForeign(change: Change<T>): boolean {
    const { type, object } = change;
    const key = keyOf(object.metadata);
    if (type === 'deleted') this.#versions.delete(key);
    if (type !== 'updated') return false;
    const isLater = (compareVersions(object.metadata.resourceVersion, this.#versions.get(key)) ?? 1) > 0;
    return isLater && change.previous !== undefined && !isDeepStrictEqual(statusOf(object), statusOf(change.previous));
  }
}

const statusOf = (object: BaseObject & { readonly status?: unknown }): unknown => object.status;
