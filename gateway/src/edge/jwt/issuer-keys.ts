/**
 * The public keys of OIDC issuers: found by discovery, cached, fetched again when a token names a key that is not among them
 * (at most every 30 s, so that invented key ids cannot make us hammer an issuer) and with the first token after 8 minutes otherwise, while tokens
 * are judged by those at hand. So a key that an issuer has begun to use is known at once or after 30 s, and one that it has withdrawn is worth nothing
 * after 10 minutes at most. Where the keys are is asked again as often.
 */
import type { Logger } from '@cloister/telemetry';
import type { JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import type { AskIssuer } from './issuer-connections.ts';
import { fetchTimeout, keySetAt, pauseAfterFailure, unreachable, type KeySet } from './key-set.ts';
import type { IssuerKeys } from './user-token.ts';

const discovery = z.looseObject({ issuer: z.string(), jwks_uri: z.url() });

/** Characters. */
const longestReason = 300;
/** Sooner than keys are too old to be believed, so that tokens are judged by those at hand while the issuer is asked. */
const askedAgainAfter = 480_000;

/** That an issuer cannot be asked, and why, is in the log. */
export function discoverIssuerKeys(ask: AskIssuer, log: Logger): IssuerKeys {
  const known = new Map<string, KnownIssuer>();
  return (issuer) => {
    const found = known.get(issuer) ?? new KnownIssuer(issuer, ask, log);
    known.set(issuer, found);
    return found.keys();
  };
}

class KnownIssuer {
  readonly #issuer: string;
  readonly #askIssuer: AskIssuer;
  readonly #log: Logger;
  #set: KeySet | undefined;
  #latest: Promise<KeySet> | undefined;
  /** Until when nobody asks again, in milliseconds since 1970: a flood of tokens must not become a flood of fetches. */
  #until = 0;

  constructor(issuer: string, ask: AskIssuer, log: Logger) {
    this.#issuer = issuer;
    this.#askIssuer = ask;
    this.#log = log;
  }

  async keys(): Promise<JWTVerifyGetKey> {
    const latest = this.#asked();
    const set = this.#set?.isFresh() ? this.#set : await latest;
    return async (header, token) => {
      try {
        return await set.keys(header, token);
      } catch (error) {
        // The issuer may have moved its keys, which is then being found out.
        const found = await latest.catch(() => set);
        if (found === set) throw error;
        return found.keys(header, token);
      }
    };
  }

  #asked(): Promise<KeySet> {
    if (this.#latest && Date.now() < this.#until) return this.#latest;
    this.#until = Infinity;
    this.#latest = this.#ask();
    // Whoever has no keys without it hears of the failure; the others have theirs until those are too old.
    this.#latest.catch(() => undefined);
    return this.#latest;
  }

  /** The keys stay where they were while the issuer has not moved them, or cannot be asked whether it has. */
  async #ask(): Promise<KeySet> {
    try {
      const uri = await keysOf(this.#issuer, this.#askIssuer);
      const set = this.#set?.uri === uri ? this.#set : keySetAt(uri, this.#askIssuer, this.#failed);
      await set.reload();
      this.#set = set;
      this.#until = Date.now() + askedAgainAfter;
      return set;
    } catch (error) {
      this.#until = Date.now() + pauseAfterFailure;
      this.#failed(error);
      throw unreachable(error);
    }
  }

  readonly #failed = (error: unknown): void =>
    this.#log.warn(
      { issuer: this.#issuer, reason: reasonOf(error) },
      'the keys of an issuer cannot be fetched; those at hand count until they are too old',
    );
}

/** OpenID Connect Discovery 1.0, sections 3 and 4: the document must name the very issuer it was asked for, and keys come no less safely than it did. */
async function keysOf(issuer: string, ask: AskIssuer): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await ask(url, AbortSignal.timeout(fetchTimeout));
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const { issuer: named, jwks_uri } = discovery.parse(await response.json());
  if (named !== issuer) throw new Error(`${url} names another issuer`);
  if (new URL(jwks_uri).protocol !== new URL(issuer).protocol) throw new Error(`${url} names keys that do not come by https: ${jwks_uri}`);
  return jwks_uri;
}

/** Much of it may be an issuer's own words. */
const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, longestReason);
