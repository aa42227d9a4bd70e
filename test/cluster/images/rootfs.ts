import { rm } from 'node:fs/promises';
import { run } from '../command.ts';
import { suite, type Rootfs } from './recipes.ts';

/** Documentation and translations: two thirds of the files, none of the use. */
const excluded = ['doc', 'doc-base', 'info', 'lintian', 'locale', 'man'].map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`);

/** Makes a Debian tree with the packages in it and packs it, or what is to be kept of it, into `<work>/rootfs.tar`. */
export async function makeRootfs(work: string, { packages, hooks, keep }: Rootfs): Promise<void> {
  const tree = `${work}/rootfs`;
  const kept = keep === undefined ? '.' : keep.join(' ');
  const customize = hooks.map((hook) => `--customize-hook=${hook}`);
  const bootstrap = ['--mode=root', '--quiet', '--variant=essential', `--include=${packages.join(',')}`, ...excluded, ...customize];
  // its mounts are to go even if it is killed
  await run('unshare', ['--mount', 'mmdebstrap', ...bootstrap, suite, tree]);
  const unneeded = 'rm -rf var/cache/apt var/lib/apt/lists var/lib/dpkg/info var/log/* dev';
  await run('sh', ['-euc', `cd "$0"; ${unneeded}; mkdir dev; tar --create --numeric-owner --file ../rootfs.tar ${kept}`, tree]);
  await rm(tree, { recursive: true });
}
