import { createHash } from 'node:crypto';

/** What was found of one account at one moment. */
export interface Look<Wanted> {
  /** The same as long as nothing about the account changes. Undefined where not all of it can be seen. */
  readonly digest: string | undefined;
  /** Its logins that are there. */
  readonly logins: readonly string[];
  /** Whether nothing would have to change for it to be as wanted. */
  fits(wanted: Wanted): Promise<boolean>;
}

export const digestOf = (found: unknown): string => createHash('sha256').update(JSON.stringify(found)).digest('base64url');
