import type { BaseObject, Informer, ObjectKey } from 'kube-runtime';
import type { ReadNow } from './read-now.ts';

/** What is taken to be there, and where the document of it stands. */
export interface Expected {
  readonly at: ObjectKey;
  readonly tenantUid: string;
}

export interface Documents {
  /** What a watch has told of. */
  readonly followed: Pick<Informer<BaseObject>, 'head'>;
  readonly now: ReadNow<{ readonly uid: string }>;
}

/**
 * Whether it is gone. `read` is what its document says as far as a watch has told. A watch may be behind for as long as it likes, and what came a moment
 * ago would seem to be gone; so that is claimed on the word of the API server alone. Of one that stands there and cannot be read nobody can say that it
 * is gone: that is an outage, or two versions side by side, and no change that anybody has made. Rejects where the API server cannot say.
 */
export async function isGone(
  { at, tenantUid }: Expected,
  { followed, now }: Documents,
  read: { readonly uid: string } | undefined,
): Promise<boolean> {
  if (read ? read.uid === tenantUid : followed.head(at) !== undefined) return false;
  const there = await now(at);
  return there === undefined || (there !== 'unreadable' && there.uid !== tenantUid);
}
