import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The root of this repository. */
export const repository = resolve(import.meta.dirname, '../..');

/** What is slow to make and the same for every cluster: built programs and images. Only `make clean` removes it. */
export function cacheDir(): string {
  return process.env['CLOISTER_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'cloister');
}

/** Where clusters live, one directory each. `down` removes a cluster's whole directory. */
export function homeDir(): string {
  return process.env['CLOISTER_HOME'] ?? '/var/tmp/cloister';
}

export function clusterDir(name: string): string {
  return join(homeDir(), name);
}

/**
 * Paths inside a node. They are the same in every cluster and short whatever the outer paths are: a unix socket's path may have
 * 107 bytes.
 */
export const inside = {
  /** The cluster's directory. */
  cluster: '/run/cluster',
  /** The cache's `bin`. */
  bin: '/run/bin',
  /** The cache's `images`. */
  images: '/run/images',
  /** The directory of this Node. */
  node: '/run/node',
} as const;
