import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../command.ts';
import { withLock } from '../lock.ts';
import { installImagePackages } from '../packages.ts';
import { cacheDir } from '../paths.ts';
import type { Progress } from '../progress.ts';
import { suite, type Rootfs } from './trees.ts';

/** Documentation and translations: two thirds of the files, none of the use. */
const excluded = ['doc', 'doc-base', 'info', 'lintian', 'locale', 'man'].map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`);

/** What served to install the tree, and nobody after that. */
const unneeded = [
  ...['dev', 'var/cache/*', 'var/lib/apt', 'var/lib/dpkg', 'var/log/*'],
  ...['usr/bin/perl*', 'usr/lib/*-linux-gnu/libperl*', 'usr/lib/*-linux-gnu/perl*', 'usr/share/perl*', 'usr/share/i18n'],
];

/** Changes with everything that a tree is made by; not with what Debian publishes meanwhile. */
export function rootfsKey(rootfs: Rootfs): string {
  return createHash('sha256')
    .update(JSON.stringify([suite, excluded, unneeded, rootfs]))
    .digest('hex')
    .slice(0, 12);
}

/**
 * A tar of a Debian tree with the packages in it, or of what is to be kept of it. Kept in the cache, because it takes a minute: a change
 * of what is put on top of it needs none of that again.
 */
export async function rootfsOf(name: string, rootfs: Rootfs, progress: Progress): Promise<string> {
  const file = join(cacheDir(), 'rootfs', `${name}-${rootfsKey(rootfs)}.tar`);
  if (existsSync(file)) return file;
  await installImagePackages(progress);
  await withLock(`${file}.lock`, async () => {
    if (!existsSync(file)) await progress.step(`fetched Debian packages for ${name}`, () => make(rootfs, file));
  });
  return file;
}

async function make({ packages, hooks, keep }: Rootfs, file: string): Promise<void> {
  const partial = `${file}.partial`;
  const tree = `${file}.tree`;
  await mkdir(dirname(file), { recursive: true });
  await rm(tree, { recursive: true, force: true });
  const customize = hooks.map((hook) => `--customize-hook=${hook}`);
  const bootstrap = ['--mode=root', '--quiet', '--variant=essential', `--include=${packages.join(',')}`, ...excluded, ...customize];
  // its mounts are to go even if it is killed
  await run('unshare', ['--mount', 'mmdebstrap', ...bootstrap, suite, tree]);
  const kept = keep === undefined ? '.' : keep.join(' ');
  const pack = `tar --create --numeric-owner --file "$1" ${kept}`;
  await run('sh', ['-euc', `cd "$0"; rm -rf ${unneeded.join(' ')}; mkdir dev; ${pack}`, tree, partial]);
  await rm(tree, { recursive: true });
  await rename(partial, file);
}
