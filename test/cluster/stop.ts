import { readdir, rm, rmdir } from 'node:fs/promises';
import { removeCgroups } from './cgroups.ts';
import { removeLinks } from './link.ts';
import { withLock } from './lock.ts';
import { end, isAlive, machinesOf } from './machine/process.ts';
import { clusterDir, homeDir } from './paths.ts';
import { checkName, lockFile, ownerOf } from './names.ts';
import { readRecord } from './record.ts';

/** A little more than the machine itself takes for an orderly stop. */
const grace = 3_000;

/**
 * Stops a cluster, in whatever state it is, and leaves nothing of it: no process, mount, link, route, firewall rule, control group
 * or file. Does nothing when there is none.
 */
export async function stopCluster(name: string): Promise<void> {
  checkName(name);
  const lock = lockFile(name);
  await withLock(lock, async () => {
    await remove(name);
    await rm(lock, { force: true });
  });
  await removeIfEmpty(homeDir());
}

/** Stops each cluster whose keeper has ended: what runs that were cut off have left behind. Their processes ended with it. */
export async function stopOrphans(): Promise<void> {
  for (const name of await readdir(homeDir()).catch(() => [])) {
    const known = await readRecord(clusterDir(name));
    if (known?.keeper && !(await isAlive(known.keeper))) await stopCluster(name);
  }
}

async function removeIfEmpty(dir: string): Promise<void> {
  if ((await readdir(dir).catch(() => ['?'])).length === 0) await rmdir(dir);
}

/** The same for a caller that holds the cluster's lock. */
export async function remove(name: string): Promise<void> {
  await stopButKeepFiles(name);
  await rm(clusterDir(name), { recursive: true, force: true });
}

/** Leaves the directory, whose logs tell why a start failed. */
export async function stopButKeepFiles(name: string): Promise<void> {
  for (const machine of await machinesOf(ownerOf(name))) await end(machine, grace);
  const known = await readRecord(clusterDir(name));
  if (known?.machine) await end(known.machine, grace); // one that was killed: its members may take a moment
  await removeLinks(ownerOf(name));
  await removeCgroups(name);
}
