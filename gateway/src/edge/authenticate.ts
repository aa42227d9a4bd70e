/**
 * Who calls? The answer comes from the credential and from nothing else in the request.
 *
 * Every way in which a credential can be bad gives the same answer, so that nobody learns which tenants, keys or users exist.
 */
import type { Caller } from '@cloister/identity';
import type { IncomingHttpHeaders } from 'node:http';
import type { IssuedKey, TenantAccess } from '@cloister/tenancy';
import type { Access } from '../directory/directory.ts';
import { callerOfApiKey } from './api-keys.ts';
import { challenge, credentialOf } from './credential.ts';
import { fail } from './errors.ts';
import { callerOfSecretToken } from './jwt/secret-token.ts';
import { readToken } from './jwt/token.ts';
import { userTokens, type IssuerKeys } from './jwt/user-token.ts';

export interface KnownCaller extends Caller {
  /** The key with which it came; undefined for the bearer of a JWT. */
  readonly apiKey?: TenantAccess['apiKeys'][number] | IssuedKey;
}

export type Authenticate = (headers: IncomingHttpHeaders) => Promise<KnownCaller>;

/** Rejects with `credential_missing`, `credential_invalid` or, where an issuer's keys cannot be had, `issuer_unreachable`. */
export function authenticator(access: Access, issuerKeys: IssuerKeys): Authenticate {
  const callerOfUserToken = userTokens(access, issuerKeys);
  return async (headers) => {
    const credential = credentialOf(headers);
    const caller = credential.startsWith('ck_') ? callerOfApiKey(credential, access) : await callerOfToken(credential);
    if (!caller) throw fail('credential_invalid', challenge);
    return caller;
  };

  async function callerOfToken(credential: string): Promise<Caller | undefined> {
    const token = readToken(credential);
    if (!token) return undefined;
    return token.algorithm === 'HS256' ? callerOfSecretToken(token, access) : callerOfUserToken(token);
  }
}
