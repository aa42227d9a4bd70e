/** Which objects have a spec that no status is about yet, and for how long that has been seen. */
import type { Condition, Resource } from 'kube-runtime';

export type Watched = Resource<
  unknown,
  { readonly observedGeneration?: number | undefined; readonly conditions?: readonly Condition[] | undefined }
>;

export interface Behind {
  readonly object: Watched;
  /** Milliseconds. An object that is edited again while it is behind does not begin anew. */
  readonly forMs: number;
}

/** An API object does not say when its spec changed, so the time counts from the first look that found it behind. */
export class BehindTracker {
  #since = new Map<string, number>();

  look(objects: readonly Watched[], nowMs: number): Behind[] {
    const behind = objects.filter(isBehind);
    const since = new Map(behind.map(({ metadata: { uid = '' } }) => [uid, this.#since.get(uid) ?? nowMs]));
    this.#since = since;
    return behind.map((object) => ({ object, forMs: nowMs - (since.get(object.metadata.uid ?? '') ?? nowMs) }));
  }
}

/** One on its way out is not: its status tells of the steps, and nobody waits for its spec. */
const isBehind = ({ metadata, status }: Watched): boolean =>
  !metadata.deletionTimestamp && (status?.observedGeneration ?? 0) < (metadata.generation ?? 0);
