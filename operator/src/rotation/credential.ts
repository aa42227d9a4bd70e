/**
 * A login with its password, as it stands in the Secret of whoever uses it: key `url`, and as annotations since when, and by whose request.
 * Nothing of a rotation is kept anywhere else.
 */
import { annotations } from '@cloister/tenancy';
import { randomBytes } from 'node:crypto';
import { fromBase64 } from '../child.ts';
import { loginsOf } from '../data/logins.ts';
import { passwordIn } from '../data/postgres-address.ts';
import type { Login } from '../data/postgres.ts';
import type { Secret } from '../kinds.ts';

export interface Credential extends Login {
  readonly madeAt: Date;
  /** Text of the request for which it was made; undefined where nobody had asked. */
  readonly request: string | undefined;
}

/** Undefined where the Secret holds no usable URL for a login of the account. */
export function credentialIn(secret: Secret | undefined, account: string): Credential | undefined {
  const url = fromBase64(secret?.data?.['url']);
  for (const login of loginsOf(account)) {
    const password = passwordIn(url, login);
    if (secret && password !== undefined) return { login, password, madeAt: madeAtOf(secret), request: requestOf(secret) };
  }
  return undefined;
}

/** Whose URL it is, password aside. */
export function loginIn(secret: Secret | undefined): string | undefined {
  const url = fromBase64(secret?.data?.['url']);
  return url !== undefined && URL.canParse(url) ? decodeURIComponent(new URL(url).username) : undefined;
}

export const newCredential = (login: string, now: Date, request: string | undefined): Credential => ({
  login,
  password: randomBytes(32).toString('hex'),
  madeAt: new Date(Math.floor(now.getTime() / 1000) * 1000),
  request,
});

export const annotationsOf = ({ madeAt, request }: Pick<Credential, 'madeAt' | 'request'>): Readonly<Record<string, string>> => ({
  [annotations.madeAt]: madeAt.toISOString(),
  ...(request === undefined ? {} : { [annotations.madeFor]: request }),
});

/** A Secret from before there were annotations is as old as the object. */
export function madeAtOf({ metadata }: Secret): Date {
  const noted = Date.parse(metadata.annotations?.[annotations.madeAt] ?? '');
  return new Date(Number.isNaN(noted) ? Date.parse(metadata.creationTimestamp ?? '') || 0 : noted);
}

export const requestOf = ({ metadata }: Secret): string | undefined => metadata.annotations?.[annotations.madeFor];
