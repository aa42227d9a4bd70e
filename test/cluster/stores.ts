import { dataMounts, dataServers, unpackDataServers } from './components/data-servers.ts';
import { adminUser, makeCredentials, readCredentials } from './credentials.ts';
import { mounts, network } from './machine/setup.ts';
import { postgresDatabase, postgresPort, redisPort } from './manifests/names.ts';
import { silent, type Progress } from './progress.ts';
import { start, type Started } from './start.ts';
import type { Cluster } from './status.ts';

/** Postgres and Redis, by their administrator, and the machine whose processes they are. */
export type Stores = Pick<Cluster, 'postgres' | 'redis' | 'dir' | 'pid'>;

export interface StoresOptions {
  readonly name: string;
  /** Id of the process with which they end, however that ends: for tests, which may be cut off. Default: they outlive whoever starts them. */
  readonly keeper?: number;
  readonly progress?: Progress;
}

/** Starts a Postgres and a Redis and nothing else, as processes of a machine of their own. This Postgres waits for the disk. */
export async function startStores({ name, keeper, progress = silent() }: StoresOptions): Promise<Stores> {
  const started = await start({
    name,
    kind: 'stores',
    programs: ['node'],
    progress,
    ...(keeper !== undefined && { keeper }),
    prepare: async (dir) => {
      await makeCredentials(dir);
      await unpackDataServers(dir, progress);
    },
    plan: (dir, addresses) => ({
      setup: [...mounts(dir), ...network(addresses), ...dataMounts()],
      components: dataServers({ user: adminUser }, { durable: true }),
    }),
  });
  return storesOf(started);
}

export async function storesOf({ dir, pid, addresses }: Started): Promise<Stores> {
  const { user, postgresPassword, redisPassword } = await readCredentials(dir);
  const host = addresses.nodeIP;
  return {
    dir,
    pid,
    postgres: { host, port: postgresPort, user, password: postgresPassword, database: postgresDatabase },
    redis: { url: `redis://${user}:${redisPassword}@${host}:${redisPort}/0` },
  };
}
