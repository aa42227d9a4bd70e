import type { BaseObject, Informer, ObjectKey } from 'kube-runtime';

/** What is taken to be there, and where the document of it stands. */
export interface Expected {
  readonly at: ObjectKey;
  readonly tenantUid: string;
}

/**
 * Whether it is there still. `read` is what its document says now. Of one that stands there and cannot be read nobody can say that it is gone: that
 * is an outage, or two versions side by side, and no change that anybody has made.
 */
export function standsThere(
  documents: Pick<Informer<BaseObject>, 'head'>,
  { at, tenantUid }: Expected,
  read: { readonly uid: string } | undefined,
): boolean {
  return read ? read.uid === tenantUid : documents.head(at) !== undefined;
}
