import { dirname, join } from 'node:path';
import type { Addresses } from '../addresses.ts';
import { cacheDir, inside } from '../paths.ts';

type Commands = string[][];

/**
 * Gives the machine file systems of its own: fresh /proc and /run, and a /var that lies in the cluster's directory, so that every
 * path a component writes to by habit is private to it and goes when the directory goes.
 */
export function mounts(dir: string): Commands {
  const run = join(dir, 'run');
  const seen = [
    [dir, 'cluster'],
    [join(cacheDir(), 'bin'), 'bin'],
    [join(cacheDir(), 'images'), 'images'],
    [dirname(process.execPath), 'node'],
  ] as const;
  return [
    ['mount', '--make-rprivate', '/'],
    ['mount', '-t', 'proc', 'proc', '/proc'],
    ['mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', run],
    ['mkdir', join(run, 'lock')],
    ...seen.flatMap(([outer, inner]) => [
      ['mkdir', join(run, inner)],
      ['mount', '--bind', outer, join(run, inner)],
    ]),
    // moved last: the directories above may lie under /run or /var themselves; not noted in mount's own table, which is under /run
    ['mount', '--no-mtab', '--move', run, '/run'],
    ['mount', '--bind', `${inside.cluster}/var`, '/var'],
    // volumes that propagate mounts need shared ones; this group begins here, so nothing reaches the machine outside
    ['mount', '--make-rshared', '/'],
  ];
}

export function network({ nodeLink, nodeIP }: Addresses): Commands {
  return [
    ['ip', 'link', 'set', 'dev', 'lo', 'up'],
    ['ip', 'address', 'add', `${nodeIP}/30`, 'dev', nodeLink],
    ['ip', 'link', 'set', 'dev', nodeLink, 'up'],
  ];
}

/** Directories under the cluster's own that the mounts and components above expect. */
export const directories = ['run', 'log', 'pids', 'config', 'var/lib', 'var/log', 'var/tmp', 'var/cache', 'var/lib/nginx', 'var/log/nginx'];
