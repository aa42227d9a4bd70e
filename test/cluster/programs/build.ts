import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../command.ts';
import { ClusterError } from '../errors.ts';
import { hashOf } from '../hash.ts';
import { withLock } from '../lock.ts';
import { cacheDir, inside } from '../paths.ts';
import { silent, type Progress } from '../progress.ts';
import { buildArguments, modules, type Module, type ModuleName } from './modules.ts';

const sources = join(import.meta.dirname, '../go');
const oldestGo = '1.26';

/** Directory names, under the cache's `bin`, of modules that are built. */
export type Builds = Readonly<Partial<Record<ModuleName, string>>>;

/**
 * Builds what has changed since it was last built. One module after the other: each build alone takes two cores and 2 GiB.
 * A build is named by the hash of its sources and moved into place whole, so a cut-off one never counts.
 */
export async function buildPrograms(names: readonly ModuleName[], progress: Progress = silent()): Promise<Builds> {
  const builds: Partial<Record<ModuleName, string>> = {};
  for (const name of names) builds[name] = await build(modules[name], progress);
  return builds;
}

async function build(module: Module, progress: Progress): Promise<string> {
  const source = join(sources, module.name);
  const args = buildArguments(module);
  const name = `${module.name}-${await hashOf([source], args.join(' '))}`;
  const target = join(cacheDir(), 'bin', name);
  if (existsSync(target)) return name;
  await mkdir(join(cacheDir(), 'bin'), { recursive: true });
  await withLock(`${target}.lock`, async () => {
    if (existsSync(target)) return;
    progress.say(`building ${module.programs.join(', ')} from source, once`);
    await progress.step(`built ${module.name}`, () => compile(module, source, args, target));
  });
  return name;
}

async function compile(module: Module, source: string, args: readonly string[], target: string): Promise<void> {
  const partial = `${target}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial);
  await requireGo();
  await run('go', [...args, '-o', `${partial}/`, ...module.packages], { cwd: source, env: { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' } });
  await rename(partial, target);
}

async function requireGo(): Promise<void> {
  const version = await run('go', ['env', 'GOVERSION']).catch(() => '');
  const [major = 0, minor = 0] = version.trim().replace('go', '').split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldestGo.split('.').map(Number);
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) throw new ClusterError('no_go', { version: oldestGo });
}

/** The path of a built program outside of any node. */
export function programPath(builds: Builds, module: ModuleName, program: string = module): string {
  return join(cacheDir(), 'bin', buildOf(builds, module), program);
}

/** The PATH inside a node: its programs first, then the machine's own. */
export function insidePath(builds: Builds): string {
  const own = Object.values(builds).map((build) => `${inside.bin}/${build}`);
  return [...own, '/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'].join(':');
}

function buildOf(builds: Builds, module: ModuleName): string {
  const build = builds[module];
  if (build === undefined) throw new TypeError(`module ${module} was not among those asked to be built`);
  return build;
}
