import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterDir } from './paths.ts';

const root = '/sys/fs/cgroup';

/**
 * The group, in every hierarchy, under which all pods of a cluster are. Control groups are the machine's, so the directory is in the
 * name too: it tells clusters of one name in two homes apart.
 */
export function cgroupOf(name: string): string {
  const home = createHash('sha256').update(clusterDir(name)).digest('hex').slice(0, 8);
  return `cloister-${name}-${home}`;
}

/** Makes the group in every hierarchy of this machine; the kubelet insists that it is there. */
export async function makeCgroups(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) await mkdir(join(hierarchy, cgroupOf(name)), { recursive: true });
}

export async function removeCgroups(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) await removeTree(join(hierarchy, cgroupOf(name)));
}

/** cgroup v1 has a hierarchy a controller; v2 has one for all. */
async function hierarchies(): Promise<string[]> {
  if (existsSync(join(root, 'cgroup.controllers'))) return [root];
  const entries = await readdir(root, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(root, entry.name));
}

/** Only empty groups can be removed, children first. */
async function removeTree(dir: string): Promise<void> {
  if (!existsSync(dir)) return;
  const entries = await readdir(dir, { withFileTypes: true });
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(dir, entry.name));
  await removeEmpty(dir);
}

/** The kernel still counts a killed process as a member for a few milliseconds. */
async function removeEmpty(dir: string): Promise<void> {
  for (let attemptsLeft = 50; ; attemptsLeft--) {
    try {
      await rmdir(dir);
      return;
    } catch (error) {
      if (attemptsLeft === 0) throw error;
      await sleep(20);
    }
  }
}
