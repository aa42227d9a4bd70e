/** One account in Postgres or Redis as rotation sees it: who may log in, and how to change that. Errors: DataError. */
import type { Login } from './postgres.ts';

/** By key of the Secret, in clear. */
export type SecretContent = Readonly<Record<string, string>>;

export interface Account {
  readonly name: string;
  /** Makes this login work and answers which others are there too. While there are none, Postgres and Redis are asked only now and then. */
  ensure(login: Login): Promise<readonly string[]>;
  logins(): Promise<readonly string[]>;
  /** How many sessions are open under these logins. */
  sessions(logins: readonly string[]): Promise<number>;
  /** Ends logins and their sessions. */
  retire(logins: readonly string[]): Promise<void>;
  /** What the Secret of whoever uses the account holds: `url`, and what goes with it. */
  content(login: Login): SecretContent | Promise<SecretContent>;
}
