import { basename, dirname, join } from 'node:path';
import { programPath, type Builds } from '../programs/build.ts';
import type { ModuleName } from '../programs/modules.ts';

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

export interface Rootfs {
  readonly packages: readonly string[];
  /** Shell commands on the finished tree, which is `$1`. */
  readonly hooks: readonly string[];
  /** What of the tree goes into the image; absent: all of it. Shell patterns, from the root. */
  readonly keep?: readonly string[];
}

/** Debian's current stable release: it has PostgreSQL 17 and a C++ library new enough for Node. */
export const suite = 'trixie';

export const base = 'localhost/cloister-base:1';

export const pauseImage = 'localhost/pause:1';
export const dnsImage = 'localhost/coredns:1';
export const postgresImage = 'localhost/postgres:17';
export const redisImage = 'localhost/redis:8';

/** Libraries that Node is linked to or loads, in Debian's places. */
const libraries = ['atomic', 'c', 'dl', 'gcc_s', 'm', 'mvec', 'nss_*', 'pthread', 'resolv', 'rt', 'stdc++'];

const nodeNeeds: readonly string[] = [
  ...['bin', 'lib', 'lib64', 'sbin', 'tmp', 'usr/lib64'],
  ...['passwd', 'group', 'nsswitch.conf', 'os-release', 'debian_version', 'ssl/certs/ca-certificates.crt'].map((file) => `etc/${file}`),
  ...['os-release', '*-linux-gnu/ld-linux*', ...libraries.map((name) => `*-linux-gnu/lib${name}.so*`)].map((file) => `usr/lib/${file}`),
];

const user = (name: string, id: number): string => `echo '${name}:x:${id}:${id}:${name}:/tmp:/usr/sbin/nologin' >>"$1/etc/passwd"`;

/** The just-in-time compiler is a third of PostgreSQL's size and of no use to short queries; the database that Debian makes is not ours. */
const slimPostgres =
  'rm -rf "$1"/usr/lib/postgresql/*/lib/llvmjit* "$1"/usr/lib/postgresql/*/lib/bitcode "$1"/usr/lib/*-linux-gnu/libLLVM* ' +
  '"$1"/usr/lib/*-linux-gnu/libz3* "$1"/var/lib/postgresql/*';

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
      rootfs: {
        packages: ['ca-certificates', 'libatomic1', 'libstdc++6'],
        hooks: [user('cloister', 65532)],
        keep: nodeNeeds,
      },
      file: { path: process.execPath, version: process.version },
    },
    postgres: {
      image: postgresImage,
      folder: folder('postgres'),
      rootfs: { packages: ['postgresql-17-pgvector'], hooks: [user('db', 999), slimPostgres] },
    },
    redis: {
      image: redisImage,
      folder: folder('redis'),
      rootfs: { packages: ['redis-server'], hooks: [user('cache', 999)] },
    },
  };
}
