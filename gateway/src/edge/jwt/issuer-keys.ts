/**
 * The public keys of OIDC issuers: found by discovery, cached, fetched again when a token names a key that is not among them
 * (at most every 30 s, so that invented key ids cannot make us hammer an issuer) and every 10 minutes otherwise. So a key that an issuer has
 * begun to use is known at once or after 30 s, and one that it has withdrawn is worth nothing after 10 minutes at most. Where the keys are is
 * asked again as often.
 */
import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { fail } from '../errors.ts';
import type { IssuerKeys } from './user-token.ts';

const discovery = z.looseObject({ issuer: z.string(), jwks_uri: z.url() });

/** Milliseconds that one fetch from an issuer may take. */
const fetchTimeout = 5_000;
const longestKept = 600_000;
const pauseAfterFailure = 5_000;
const retryAfterSeconds = 10;

interface KeySet {
  readonly uri: string;
  readonly keys: JWTVerifyGetKey;
}

interface Known {
  readonly found: Promise<KeySet>;
  /** Until when nobody asks again, in milliseconds since 1970: a flood of tokens must not become a flood of fetches. */
  until: number;
}

export function discoverIssuerKeys(): IssuerKeys {
  const known = new Map<string, Known>();
  return async (issuer) => {
    const before = known.get(issuer);
    if (before && Date.now() < before.until) return (await before.found).keys;
    const now: Known = { found: discover(issuer, before), until: Date.now() + longestKept };
    known.set(issuer, now);
    now.found.catch(() => (now.until = Date.now() + pauseAfterFailure));
    return (await now.found).keys;
  };
}

/** What was found before stays where the issuer has not moved its keys, or cannot be asked whether it has. */
async function discover(issuer: string, before: Known | undefined): Promise<KeySet> {
  const earlier = await before?.found.catch(() => undefined);
  try {
    const uri = await keysOf(issuer);
    return earlier?.uri === uri ? earlier : { uri, keys: keysAt(uri) };
  } catch (error) {
    if (earlier) return earlier;
    throw unreachable(error);
  }
}

/** OpenID Connect Discovery 1.0, section 4: the document must name the very issuer it was asked for. */
async function keysOf(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(url, { signal: AbortSignal.timeout(fetchTimeout), redirect: 'error' });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const { issuer: named, jwks_uri } = discovery.parse(await response.json());
  if (named !== issuer) throw new Error(`${url} names another issuer`);
  return jwks_uri;
}

function keysAt(uri: string): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(new URL(uri), { timeoutDuration: fetchTimeout, cooldownDuration: 30_000, cacheMaxAge: longestKept });
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      throw error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys ? error : unreachable(error);
    }
  };
}

const unreachable = (cause: unknown) => fail('issuer_unreachable', { retryAfterSeconds, cause });
