import { rm } from 'node:fs/promises';
import { run } from '../command.ts';
import { suite, type Rootfs } from './recipes.ts';

/** Documentation and translations: two thirds of the files, none of the use. */
const excluded = ['doc', 'doc-base', 'info', 'lintian', 'locale', 'man'].map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`);

/** What served to install the tree, and nobody after that. */
export const unneeded = [
  ...['dev', 'var/cache/*', 'var/lib/apt', 'var/lib/dpkg', 'var/log/*'],
  ...['usr/bin/perl*', 'usr/lib/*-linux-gnu/libperl*', 'usr/lib/*-linux-gnu/perl*', 'usr/share/perl*', 'usr/share/i18n'],
];

/** Makes a Debian tree with the packages in it and packs it, or what is to be kept of it, into `<work>/rootfs.tar`. */
export async function makeRootfs(work: string, { packages, hooks, keep }: Rootfs): Promise<void> {
  const tree = `${work}/rootfs`;
  const kept = keep === undefined ? '.' : keep.join(' ');
  const customize = hooks.map((hook) => `--customize-hook=${hook}`);
  const bootstrap = ['--mode=root', '--quiet', '--variant=essential', `--include=${packages.join(',')}`, ...excluded, ...customize];
  // its mounts are to go even if it is killed
  await run('unshare', ['--mount', 'mmdebstrap', ...bootstrap, suite, tree]);
  await run('sh', [
    '-euc',
    `cd "$0"; rm -rf ${unneeded.join(' ')}; mkdir dev; tar --create --numeric-owner --file ../rootfs.tar ${kept}`,
    tree,
  ]);
  await rm(tree, { recursive: true });
}
