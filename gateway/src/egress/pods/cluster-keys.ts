/** The keys with which the API server signs ServiceAccount tokens. */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';

export interface ClusterKeys {
  readonly issuer: string;
  readonly jwks: JSONWebKeySet;
}

/** Milliseconds between two fetches that tokens cause, so that invented key ids cannot make us hammer the API server. */
const cooldown = 5_000;

/**
 * Fetches the keys again when a token names one that is not among them: the cluster has rotated. `first` is what was fetched at start.
 * An API server that cannot be reached leaves the known keys in force.
 */
export function clusterKeys(first: ClusterKeys, fetchKeys: () => Promise<ClusterKeys>, clock: () => number = Date.now): JWTVerifyGetKey {
  let known = createLocalJWKSet(first.jwks);
  let fetchedAt = clock();
  let fetching: Promise<void> | undefined;
  const refresh = async () => {
    fetchedAt = clock();
    known = createLocalJWKSet((await fetchKeys()).jwks);
  };
  return async (header, token) => {
    try {
      return await known(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || (!fetching && clock() - fetchedAt < cooldown)) throw error;
      fetching ??= refresh().finally(() => (fetching = undefined));
      await fetching;
      return known(header, token);
    }
  };
}
