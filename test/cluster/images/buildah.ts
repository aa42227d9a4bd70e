import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { run } from '../command.ts';
import { cacheDir } from '../paths.ts';

/** Where buildah notes which layers it has seen, wherever its store is. Only a hint, and not ours to leave behind. */
const notes = '/var/lib/containers';

/**
 * Buildah with all it stores in the cache, in a mount namespace that takes its mounts along. `chroot` isolation, because the
 * machine may itself be a container.
 */
export async function buildah(args: readonly string[]): Promise<string> {
  const store = join(cacheDir(), 'buildah');
  const places = ['--root', join(store, 'root'), '--runroot', join(store, 'run')];
  const env = { BUILDAH_ISOLATION: 'chroot', STORAGE_DRIVER: 'overlay' };
  const others = existsSync(notes);
  try {
    return await run('unshare', ['--mount', 'buildah', ...places, ...args], { env });
  } finally {
    if (!others) await rm(notes, { recursive: true, force: true });
  }
}

interface Build {
  readonly image: string;
  readonly dockerfile: string;
  readonly context: string;
  readonly args?: Readonly<Record<string, string>>;
}

/** Builds an image into the store. Time stamps are fixed, so that equal content gives equal layers. */
export async function buildImage({ image, dockerfile, context, args = {} }: Build): Promise<void> {
  const buildArgs = Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  await buildah(['bud', '--quiet', '--pull=false', '--timestamp', '0', ...buildArgs, '--tag', image, '--file', dockerfile, context]);
}

/** Writes an image to an archive that containerd can import: the form whose layers are not compressed, which takes longer than it saves. */
export async function exportImage(image: string, archive: string): Promise<void> {
  await mkdir(join(archive, '..'), { recursive: true });
  const partial = `${archive}.partial`;
  await rm(partial, { force: true });
  await buildah(['push', '--quiet', image, `docker-archive:${partial}:${image}`]);
  await rename(partial, archive);
  await dropOlder(archive);
}

/** Archives of one image that are kept: for a build of the other branch, and for a cluster that is just starting. */
const kept = 3;

/** Archives are named `<image>-<hash>.tar`; every change of the sources makes another. */
async function dropOlder(archive: string): Promise<void> {
  const dir = dirname(archive);
  const image = basename(archive).replace(/-[0-9a-f]+\.tar$/, '');
  const own = (await readdir(dir)).filter((name) => new RegExp(`^${image}-[0-9a-f]+\\.tar$`).test(name)).map((name) => join(dir, name));
  const aged = await Promise.all(own.map(async (file) => ({ file, age: -(await stat(file)).mtimeMs })));
  for (const { file } of aged.sort((a, b) => a.age - b.age).slice(kept)) await rm(file, { force: true });
}

/** Forgets an image that is in an archive now. */
export async function dropFromStore(image: string): Promise<void> {
  await buildah(['rmi', '--force', image]);
}

/** Makes an archived image known to the store, so that others can be built on it. */
export async function loadIntoStore(image: string, archive: string): Promise<void> {
  const known = await buildah(['images', '--quiet', '--filter', `reference=${image}`]);
  if (known.trim() === '') await buildah(['pull', '--quiet', `docker-archive:${archive}`]);
}

/** Sends an image from the store to a registry, under the name it has there. */
export async function pushImage(image: string, destination: string): Promise<void> {
  await buildah(['push', '--quiet', image, `docker://${destination}`]);
}
