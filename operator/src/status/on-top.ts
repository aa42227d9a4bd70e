/** Statuses that are also a memory: none is written over one that was not seen (docs/decisions/0072). */
import { isConflict, type BaseObject, type Informer, type ReconcileContext, type Result, type StatusOf } from 'kube-runtime';

/** Soon, and no failure: in a burst it happens to hundreds. */
export const lookAgain: Result = { postponedFor: 250 };

/**
 * Writes the status, unless the object is another by now than the one that was looked at. Then false, where the cache has heard of it: the watchdog, or
 * somebody's edit, came between. Rejects with the conflict where the cache is behind: who looks again at what is past needs pauses that grow.
 */
export async function toldOnTop<T extends BaseObject>(
  { object: { metadata }, updateStatus }: ReconcileContext<T>,
  status: StatusOf<T>,
  cache: Pick<Informer<T>, 'head'>,
): Promise<boolean> {
  try {
    await updateStatus(status, { basedOn: metadata.resourceVersion });
    return true;
  } catch (error) {
    if (isConflict(error) && cache.head(metadata)?.resourceVersion !== metadata.resourceVersion) return false;
    throw error;
  }
}
