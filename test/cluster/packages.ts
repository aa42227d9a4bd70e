import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { attempt, lastLines, run } from './command.ts';
import { ClusterError } from './errors.ts';
import type { Progress } from './progress.ts';

/** Debian packages that an embedded cluster takes from the machine: what is small, stable and not worth building. */
const forRunning = [
  'containernetworking-plugins',
  'ipset',
  'iproute2',
  'iptables',
  'nftables',
  'nginx-light',
  'openssl',
  'runc',
  'util-linux',
];

const forImages = ['buildah', 'mmdebstrap', 'util-linux'];

export async function installRunningPackages(progress: Progress): Promise<void> {
  await installMissing(forRunning, progress);
}

export async function installImagePackages(progress: Progress): Promise<void> {
  await installMissing(forImages, progress);
}

async function installMissing(packages: readonly string[], progress: Progress): Promise<void> {
  const missing = await notInstalled(packages);
  if (missing.length === 0) return;
  await progress.step(`installed ${missing.join(' ')}`, () => withoutStartingServices(() => install(missing)));
}

async function notInstalled(packages: readonly string[]): Promise<string[]> {
  const { stdout } = await attempt('dpkg-query', ['--show', '--showformat', '${Package} ${db:Status-Status}\n', ...packages]).catch(() => ({
    stdout: '',
  }));
  const installed = new Set(
    stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return packages.filter((name) => !installed.has(name));
}

async function install(packages: readonly string[]): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const command = ['install', '--yes', '--no-install-recommends', ...packages];
  if ((await attempt('apt-get', command, { env })).status === 0) return; // the lists of a fresh machine are often there, and fetching them is slow
  await run('apt-get', ['update'], { env });
  const second = await attempt('apt-get', command, { env });
  if (second.status !== 0) throw new ClusterError('packages_failed', { packages: packages.join(' '), tail: lastLines(second.stderr) });
}

/** Debian asks this file whether a package's service may start; without it, installing nginx would take port 80 of the machine. */
async function withoutStartingServices(work: () => Promise<void>): Promise<void> {
  const file = '/usr/sbin/policy-rc.d';
  if (existsSync(file)) return work();
  await writeFile(file, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    await work();
  } finally {
    await rm(file, { force: true });
  }
}
