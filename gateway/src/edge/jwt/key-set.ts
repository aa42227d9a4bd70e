/** The keys that an issuer publishes at one address. */
import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose';
import { fail } from '../errors.ts';
import type { AskIssuer } from './issuer-connections.ts';

export interface KeySet {
  readonly uri: string;
  /** Rejects with an error of jose where no key fits, with `issuer_unreachable` where nobody knows. */
  readonly keys: JWTVerifyGetKey;
  readonly reload: () => Promise<void>;
  /** Whether they are young enough to be believed. */
  readonly isFresh: () => boolean;
}

/** Milliseconds that one fetch from an issuer may take. */
export const fetchTimeout = 5_000;
/** Milliseconds after which keys are too old to be believed. */
const longestKept = 600_000;
/** Milliseconds: invented key ids cannot make us hammer an issuer. */
const pauseBetweenLooks = 30_000;
/** Milliseconds after which one that could not be asked is asked again. */
export const pauseAfterFailure = 5_000;
const retryAfterSeconds = 10;

/** `failed` hears why the issuer could not be asked for a key that is not known. */
export function keySetAt(uri: string, ask: AskIssuer, failed: (error: unknown) => void): KeySet {
  const keys = createRemoteJWKSet(new URL(uri), {
    timeoutDuration: fetchTimeout,
    cooldownDuration: Infinity, // looked for below
    cacheMaxAge: Infinity, // would be asked with every token, were the issuer away
    [customFetch]: (url, { signal }) => ask(url, signal),
  });
  let freshUntil = 0;
  const reload = async () => {
    await keys.reload();
    freshUntil = Date.now() + longestKept;
  };
  const look = lookNowAndThen(reload, failed);
  return {
    uri,
    reload,
    isFresh: () => Date.now() < freshUntil,
    keys: async (header, token) => {
      try {
        return await keys(header, token).catch(async (error: unknown) => {
          if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
          await look();
          return keys(header, token);
        });
      } catch (error) {
        throw error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys ? error : unreachable(error);
      }
    },
  };
}

/**
 * Looks, or gives what the last look gave. Keys that are fetched in their turn do not count: an issuer that signs with a key as soon as it
 * publishes it would find its users refused whenever that was just before.
 */
function lookNowAndThen(look: () => Promise<void>, failed: (error: unknown) => void): () => Promise<void> {
  let until = 0;
  let latest = Promise.resolve();
  return () => {
    if (Date.now() < until) return latest;
    until = Infinity;
    latest = look().then(
      () => void (until = Date.now() + pauseBetweenLooks),
      (error: unknown) => {
        until = Date.now() + pauseAfterFailure;
        failed(error);
        throw error;
      },
    );
    return latest;
  };
}

export const unreachable = (cause: unknown) => fail('issuer_unreachable', { retryAfterSeconds, cause });
