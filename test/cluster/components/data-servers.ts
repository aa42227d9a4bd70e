import { chown, cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../command.ts';
import { readCredentials, type Credentials } from '../credentials.ts';
import { rootfsOf } from '../images/rootfs.ts';
import { trees } from '../images/trees.ts';
import { component, type Component } from '../machine/plan.ts';
import { dataUser } from '../manifests/data.ts';
import { postgresDatabase, postgresPort, redisPort } from '../manifests/names.ts';
import { inside } from '../paths.ts';
import type { Progress } from '../progress.ts';

/** Without waiting for the disk, as data that nobody will miss may be written. */
const careless = ['fsync=off', 'full_page_writes=off'];

/**
 * Postgres and Redis as processes of the node, out of the very trees that their images are made of: for clusters without containers. With
 * `durable`, Postgres waits for the disk as it does where it matters.
 */
export function dataServers({ user }: Pick<Credentials, 'user'>, { durable = false } = {}): Component[] {
  return [
    server('postgres', 'tmp/.s.PGSQL.5432', {
      env: {
        PATH: '/usr/lib/postgresql/17/bin:/usr/bin:/bin',
        LANG: 'C.UTF-8',
        PGDATA: '/data/pgdata',
        POSTGRES_USER: user,
        POSTGRES_DB: postgresDatabase,
      },
      args: [
        '-c',
        `port=${postgresPort}`,
        ...['max_connections=400', ...(durable ? [] : careless), 'shared_buffers=128MB'].flatMap((one) => ['-c', one]),
      ],
    }),
    server('redis', 'tmp/redis.sock', {
      env: { PATH: '/usr/bin:/bin', REDIS_DATA: '/data', REDIS_USER: user },
      args: ['--port', String(redisPort), '--unixsocket', '/tmp/redis.sock'],
    }),
  ];
}

const treeOf = (name: string): string => `trees/${name}`;

function server(
  name: keyof typeof trees,
  socket: string,
  { env, args }: { readonly env: Readonly<Record<string, string>>; readonly args: readonly string[] },
): Component {
  const tree = `${inside.cluster}/${treeOf(name)}`;
  const set = Object.entries({ ...env, PASSWORD_FILE: '/data/password' }).map(([key, value]) => `${key}=${value}`);
  const enter = ['chroot', `--userspec=${dataUser}:${dataUser}`, tree, '/usr/bin/env', '-i', ...set];
  return component(name, [...enter, '/bin/sh', '/entrypoint.sh', ...args], { ready: { socket: `${tree}/${socket}` } });
}

/** Commands by which the machine shows its devices to the trees. */
export const dataMounts = (): string[][] =>
  ['postgres', 'redis'].map((name) => ['mount', '--rbind', '/dev', `${inside.cluster}/${treeOf(name)}/dev`]);

/** Unpacks the trees into the cluster's directory, with passwords that only the servers can read. Needs the credentials to be there. */
export async function unpackDataServers(dir: string, progress: Progress): Promise<void> {
  const { postgresPassword, redisPassword } = await readCredentials(dir);
  await unpack(dir, 'postgres', postgresPassword, progress);
  await unpack(dir, 'redis', redisPassword, progress);
}

async function unpack(dir: string, name: 'postgres' | 'redis', password: string, progress: Progress): Promise<void> {
  const tree = join(dir, treeOf(name));
  const data = join(tree, 'data');
  await mkdir(tree, { recursive: true });
  await run('tar', ['--extract', '--numeric-owner', '--file', await rootfsOf(name, trees[name], progress), '--directory', tree]);
  await cp(join(import.meta.dirname, '../images', name, 'entrypoint.sh'), join(tree, 'entrypoint.sh'));
  await mkdir(data, { mode: 0o700 });
  await writeFile(join(data, 'password'), password, { mode: 0o400 });
  for (const path of [data, join(data, 'password')]) await chown(path, dataUser, dataUser);
}
