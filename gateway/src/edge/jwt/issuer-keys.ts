/**
 * The public keys of OIDC issuers: found by discovery, cached, fetched again when a token names a key that is not among them
 * (at most every 30 s, so that invented key ids cannot make us hammer an issuer) and every 10 minutes otherwise.
 */
import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { fail } from '../errors.ts';
import type { IssuerKeys } from './user-token.ts';

const discovery = z.looseObject({ issuer: z.string(), jwks_uri: z.url() });

/** Milliseconds that one fetch from an issuer may take. */
const fetchTimeout = 5_000;
const pauseAfterFailure = 5_000;
const retryAfterSeconds = 10;

export function discoverIssuerKeys(): IssuerKeys {
  const known = new Map<string, Promise<JWTVerifyGetKey>>();
  return (issuer) => {
    const before = known.get(issuer);
    if (before) return before;
    const keys = discover(issuer).catch((error: unknown) => {
      setTimeout(() => known.delete(issuer), pauseAfterFailure).unref(); // a flood of tokens must not become a flood of fetches
      throw unreachable(error);
    });
    known.set(issuer, keys);
    return keys;
  };
}

/** OpenID Connect Discovery 1.0, section 4: the document must name the very issuer it was asked for. */
async function discover(issuer: string): Promise<JWTVerifyGetKey> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(url, { signal: AbortSignal.timeout(fetchTimeout), redirect: 'error' });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const { issuer: named, jwks_uri } = discovery.parse(await response.json());
  if (named !== issuer) throw new Error(`${url} names another issuer`);
  const keys = createRemoteJWKSet(new URL(jwks_uri), { timeoutDuration: fetchTimeout, cooldownDuration: 30_000, cacheMaxAge: 600_000 });
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      throw error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys ? error : unreachable(error);
    }
  };
}

const unreachable = (cause: unknown) => fail('issuer_unreachable', { retryAfterSeconds, cause });
