/** Statuses that are also a memory: none is written over one that was not seen (docs/decisions/0072). */
import { isConflict, type BaseObject, type ReconcileContext, type Result, type StatusOf } from 'kube-runtime';

/**
 * Writes the status, unless the object is another by now than the one that was looked at, be it that somebody changed it meanwhile or that the cache is
 * behind. Then it resolves with what the run is to ask for: to look again. That is no failure: in a burst it happens to hundreds.
 */
export async function tellOnTop<T extends BaseObject>(
  { object: { metadata }, updateStatus }: ReconcileContext<T>,
  status: StatusOf<T>,
): Promise<Result | undefined> {
  try {
    await updateStatus(status, { basedOn: metadata.resourceVersion });
    return undefined;
  } catch (error) {
    if (isConflict(error)) return { requeue: true };
    throw error;
  }
}
