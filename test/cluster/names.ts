import { join } from 'node:path';
import { ClusterError } from './errors.ts';
import { clusterDir, homeDir } from './paths.ts';

/** Refuses what would not fit into host names, file names and control group names alike. */
export function checkName(name: string): void {
  if (!/^[a-z][a-z0-9-]{0,29}$/.test(name)) throw new ClusterError('bad_name', { name });
}

/** Whose a network link is: the directory tells clusters of one name in two homes apart. */
export function ownerOf(name: string): string {
  return `cloister:${clusterDir(name)}`;
}

/** Held while a cluster is started or stopped. It lies beside the cluster's directory, because `down` removes that. */
export function lockFile(name: string): string {
  return join(homeDir(), `.${name}.lock`);
}
