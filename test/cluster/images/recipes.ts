import { basename, dirname, join } from 'node:path';
import { programPath, type Builds } from '../programs/build.ts';
import type { ModuleName } from '../programs/modules.ts';
import { trees, type Rootfs } from './trees.ts';

/** An image of the cluster itself: a Dockerfile here, beside files that are made for it. */
export interface Recipe {
  readonly image: string;
  /** Folder of the Dockerfile. */
  readonly folder: string;
  /** Debian packages of the root file system that the Dockerfile adds as `rootfs.tar`; absent: it adds none. */
  readonly rootfs?: Rootfs;
  /** A file copied in beside the Dockerfile. `version` changes whenever its content does: the files are too big to read at every start. */
  readonly file?: { readonly path: string; readonly version: string };
}

export const base = 'localhost/cloister-base:1';

export const pauseImage = 'localhost/pause:1';
export const dnsImage = 'localhost/coredns:1';
export const postgresImage = 'localhost/postgres:17';
export const redisImage = 'localhost/redis:8';

export type RecipeName = 'pause' | 'dns' | 'base' | 'postgres' | 'redis';

/** Every image, given the built programs that go into some. */
export function recipes(builds: Builds): Readonly<Record<RecipeName, Recipe>> {
  const folder = (name: string): string => join(import.meta.dirname, name);
  const program = (module: ModuleName): NonNullable<Recipe['file']> => ({
    path: programPath(builds, module),
    version: basename(dirname(programPath(builds, module))),
  });
  return {
    pause: { image: pauseImage, folder: folder('pause'), file: program('pause') },
    dns: { image: dnsImage, folder: folder('dns'), file: program('coredns') },
    base: {
      image: base,
      folder: folder('base'),
      rootfs: trees.base,
      file: { path: process.execPath, version: process.version },
    },
    postgres: {
      image: postgresImage,
      folder: folder('postgres'),
      rootfs: trees.postgres,
    },
    redis: {
      image: redisImage,
      folder: folder('redis'),
      rootfs: trees.redis,
    },
  };
}
