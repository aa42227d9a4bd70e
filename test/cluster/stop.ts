import { rm } from 'node:fs/promises';
import { removeCgroups } from './cgroups.ts';
import { removeLinks } from './link.ts';
import { withLock } from './lock.ts';
import { end } from './machine/process.ts';
import { clusterDir } from './paths.ts';
import { lockFile, ownerOf } from './names.ts';
import { readRecord } from './record.ts';

/** A little more than the machine itself takes for an orderly stop. */
const grace = 3_000;

/**
 * Stops a cluster, in whatever state it is, and leaves nothing of it: no process, mount, link, route, firewall rule, control group
 * or file. Does nothing when there is none.
 */
export async function stopCluster(name: string): Promise<void> {
  await withLock(lockFile(name), () => remove(name));
  await rm(lockFile(name), { force: true });
}

/** The same for a caller that holds the cluster's lock. */
export async function remove(name: string): Promise<void> {
  await stopButKeepFiles(name);
  await rm(clusterDir(name), { recursive: true, force: true });
}

/** Leaves the directory, whose logs tell why a start failed. */
export async function stopButKeepFiles(name: string): Promise<void> {
  const known = await readRecord(clusterDir(name));
  if (known?.machine) await end(known.machine, grace);
  await removeLinks(ownerOf(name));
  await removeCgroups(name);
}
