/** Which objects have a spec that no status is about yet, and for how long that has been seen. */
import { findCondition, type Condition, type ObjectKey, type Resource } from 'kube-runtime';

export type Watched = Resource<
  unknown,
  { readonly observedGeneration?: number | undefined; readonly conditions?: readonly Condition[] | undefined }
>;

/** As much of an object as tells whether it is behind. */
export interface Standing {
  readonly key: ObjectKey;
  readonly uid: string;
  readonly isBehind: boolean;
  /** Status of its Ready condition. */
  readonly ready: Condition['status'];
}

export interface Behind extends Standing {
  /** Milliseconds. An object that is edited again while it is behind does not begin anew. */
  readonly forMs: number;
}

export const standingOf = ({ metadata, status }: Watched): Standing => ({
  key: { name: metadata.name, ...(metadata.namespace !== undefined && { namespace: metadata.namespace }) },
  uid: metadata.uid ?? '',
  // One on its way out is not: its status tells of the steps, and nobody waits for its spec.
  isBehind: !metadata.deletionTimestamp && (status?.observedGeneration ?? 0) < (metadata.generation ?? 0),
  ready: findCondition(status?.conditions, 'Ready')?.status ?? 'Unknown',
});

interface Noted {
  readonly since: number;
  /** Milliseconds behind from which it may be told of again. */
  notBeforeMs: number;
}

/** An API object does not say when its spec changed, so the time counts from the first look that found it behind. */
export class BehindTracker {
  #noted = new Map<string, Noted>();

  look(objects: Iterable<Standing>, nowMs: number): Behind[] {
    const behind = Array.from(objects)
      .filter(({ isBehind }) => isBehind)
      .map((one) => ({ one, noted: this.#noted.get(one.uid) ?? { since: nowMs, notBeforeMs: 0 } }));
    this.#noted = new Map(behind.map(({ one, noted }) => [one.uid, noted]));
    return behind.map(({ one, noted }) => ({ ...one, forMs: nowMs - noted.since }));
  }

  isDue({ uid, forMs }: Behind, limitMs: number): boolean {
    return forMs >= Math.max(limitMs, this.#noted.get(uid)?.notBeforeMs ?? 0);
  }

  /** It could not be told of: not again before it has been behind for twice as long. */
  postpone({ uid, forMs }: Behind): void {
    const noted = this.#noted.get(uid);
    if (noted) noted.notBeforeMs = 2 * forMs;
  }
}
