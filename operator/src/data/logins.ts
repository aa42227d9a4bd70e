/**
 * The names by which an account of Postgres or Redis is used.
 *
 * An account owns something: a schema, a prefix of keys. A password belongs to one of its logins, of which there are two, so that a new one
 * works beside the old for as long as somebody may hold that. `$` keeps them apart from every account: no tenant's name holds it.
 */
export type Slots = readonly [string, string];

export const slotsOf = (account: string): Slots => [`${account}$a`, `${account}$b`];

/** All that may be found. The account itself logged in before there were logins, and does until its first rotation. */
export const loginsOf = (account: string): readonly string[] => [account, ...slotsOf(account)];

/** A login that nobody uses, or the first where both are in use. */
export function freeLogin(account: string, used: readonly string[]): string {
  const [first, second] = slotsOf(account);
  return used.includes(first) && !used.includes(second) ? second : first;
}
