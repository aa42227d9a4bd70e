/**
 * The chain of one tenant's records: each record's hash covers its text, its place and the hash before it, and the first hash covers whose
 * chain it is. So nothing can be taken out, changed or moved without changing every hash that follows. Postgres computes the same
 * (sql/tables.ts); this is how an export is verified without it.
 */
import { createHash } from 'node:crypto';

/** Said in every export and under every chain. */
export const format = 'cloister-audit/1';

export interface Owner {
  readonly tenantUid: string;
  readonly tenant: string;
}

/** A place in a chain: what it says of all that stands up to there. */
export interface Head {
  /** From 1 for the first record; 0 where there is none yet. */
  readonly seq: number;
  /** SHA-256, in hex. */
  readonly hash: string;
}

/** A chain as far as it is kept. */
export interface Chain extends Owner, Head {
  /** The last of the records that were removed for their age, from the first one on; undefined where none was. */
  readonly pruned: Head | undefined;
}

/** Where a chain begins. */
export const beginning = ({ tenantUid, tenant }: Owner): Head => ({ seq: 0, hash: sha256(`${format}\n${tenantUid}\n${tenant}`) });

/** After one more record, whose text is one line. */
export const after = ({ seq, hash }: Head, record: string): Head => ({ seq: seq + 1, hash: sha256(`${hash}\n${seq + 1}\n${record}`) });

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
