import { startStores, stopCluster } from '../../cluster/index.ts';
import { Progress } from '../../cluster/progress.ts';
import { cpuOfAll } from '../measuring/processor.ts';

export interface LoadStores {
  /** For the setup of servers. */
  readonly setup: { readonly postgresURL: string; readonly redisURL: string };
  /** Processor time of Postgres and Redis so far, in microseconds. */
  readonly cpu: () => number;
  readonly close: () => Promise<void>;
}

const name = 'gateway-load';

/** A fresh Postgres, which waits for the disk, and a fresh Redis, beside everything else on this machine. */
export async function openStores(): Promise<LoadStores> {
  await stopCluster(name); // what a run that was cut off left behind
  const { postgres, redis, pid } = await startStores({ name, progress: new Progress((line) => console.error(line)) });
  const { user, password, host, port, database } = postgres;
  return {
    setup: { postgresURL: `postgres://${user}:${password}@${host}:${port}/${database}`, redisURL: redis.url },
    cpu: () => cpuOfAll([pid]),
    close: () => stopCluster(name),
  };
}
