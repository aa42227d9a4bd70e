/** A Postgres of its own for one test file, which crashes when the file says so. It waits for the disk, as one does where it matters. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startStores, stopCluster, stopOrphans, takeDown } from '../../cluster/index.ts';
import { until } from '../../e2e/support/until.ts';

export interface OwnPostgres {
  /** Of its superuser. */
  readonly url: string;
  /**
   * Ends its first process by SIGKILL, leaves it away for `ms`, and starts it again on what it has left on disk. Resolves when it has recovered
   * from that, by its own log, and takes connections.
   */
  crash(ms: number, meanwhile?: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

const patience = { within: 60_000, every: 20 };

/** `purpose` tells it apart from others of the same run; another run, of this checkout or another, has names of its own. */
export async function ownPostgres(purpose: string): Promise<OwnPostgres> {
  await stopOrphans();
  const name = `${purpose}-${process.pid}`;
  const stores = await startStores({ name, keeper: process.pid });
  const { user, password, host, port, database } = stores.postgres;
  const url = `postgres://${user}:${password}@${host}:${port}/${database}`;
  await until('Postgres to be there', () => takesConnections(url), patience); // its socket is there sooner
  const log = join(stores.dir, 'log', 'postgres.log');
  const recoveries = async () => (await readFile(log, 'utf8')).split('automatic recovery in progress').length - 1;
  return {
    url,
    async crash(ms, meanwhile) {
      const before = await recoveries();
      const release = await takeDown(stores, 'postgres');
      try {
        await until('Postgres to be away', async () => !(await takesConnections(url)), patience);
        await sleep(ms);
        await meanwhile?.();
      } finally {
        await release();
      }
      await until('Postgres to be there again', () => takesConnections(url), patience);
      if ((await recoveries()) !== before + 1) throw new Error(`Postgres did not recover from one crash; see ${log}`);
    },
    close: () => stopCluster(name),
  };
}

/** Whether Postgres lets its user in. While it starts or recovers it listens already, and refuses. */
async function takesConnections(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
