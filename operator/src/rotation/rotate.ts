/**
 * Replaces a credential without a moment in which one that is in use does not work.
 *
 * Flow, one step a run: a new login works beside the old → (the caller writes the Secret, holders take the new one) → nobody holds another
 * than the Secret's → every other login is ended, its sessions too.
 * Guarantees: level-triggered. What is found decides: the credential in the Secret, the logins that are there, who still holds another. A crash after any
 * of these steps leaves a state from which the next run goes on: a login that no Secret names is held by nobody, so it is ended.
 * Assumptions: `current` is what the Secret says; `heldBy` looks live, since a stale look would end a login that is in use.
 */
import type { Account, SecretContent } from '../data/account.ts';
import { freeLogin } from '../data/logins.ts';
import { newCredential, type Credential } from './credential.ts';
import { isDue, type Due } from './due.ts';

export interface RotationParts {
  readonly account: Account;
  readonly current: Credential | undefined;
  readonly due: Due;
  readonly now: Date;
  /** Who may still use one of these logins, in words; undefined: nobody. */
  readonly heldBy: (logins: readonly string[]) => Promise<string | undefined>;
}

export interface Rotation {
  /** For the Secret. It works. */
  readonly credential: Credential;
  readonly content: SecretContent;
  /** What the old one waits for. Undefined: there is none. */
  readonly waitingFor?: string;
  readonly did?: 'begun' | 'ended';
}

export async function rotate(parts: RotationParts): Promise<Rotation> {
  const { account, current, due, now, heldBy } = parts;
  if (!current) return step(account, await makeAnother(parts, await account.logins()));
  const others = await account.ensure(current);
  if (others.length > 0) {
    const waitingFor = await heldBy(others);
    if (waitingFor !== undefined) return step(account, current, { waitingFor });
    await account.retire(others);
    return step(account, current, { did: 'ended' });
  }
  if (!isDue(current, due, now)) return step(account, current);
  return step(account, await makeAnother(parts, [current.login]), { did: 'begun', waitingFor: 'the new one to be written' });
}

async function makeAnother({ account, due, now }: RotationParts, used: readonly string[]): Promise<Credential> {
  const made = newCredential(freeLogin(account.name, used), now, due.request);
  await account.ensure(made);
  return made;
}

const step = async (account: Account, credential: Credential, rest: Pick<Rotation, 'waitingFor' | 'did'> = {}): Promise<Rotation> => ({
  credential,
  content: await account.content(credential),
  ...rest,
});
