/** A Postgres of its own that lets nobody in without TLS, at `localhost`, by a certificate for that name. */
import { makeAuthority, makeServerCertificate } from '@cloister/certificates';
import { once } from 'node:events';
import { chown, readFile, writeFile } from 'node:fs/promises';
import { createServer, connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { startStores, stopCluster, stopOrphans, type Stores } from '../cluster/index.ts';
import { dataUser } from '../cluster/manifests/data.ts';
import { until } from '../e2e/support/until.ts';

export interface TLSPostgres {
  /** Of its superuser, but for what TLS needs. */
  readonly address: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly password: string;
    readonly database: string;
  };
  /** PEM of the authority that signed its certificate. */
  readonly authority: string;
  close(): Promise<void>;
}

export async function ownTLSPostgres(): Promise<TLSPostgres> {
  await stopOrphans();
  const name = `tls-${process.pid}`;
  const stores = await startStores({ name, keeper: process.pid });
  const life = { from: new Date(), days: 1 };
  const authority = await makeAuthority('postgres', life);
  await demandTLS(stores, await makeServerCertificate(['localhost'], life, authority));
  const local = await forwarded(stores.postgres);
  return {
    address: { ...stores.postgres, host: 'localhost', port: local.port },
    authority: authority.certificate,
    close: async () => {
      local.close();
      await stopCluster(name);
    },
  };
}

async function demandTLS({ dir, postgres }: Stores, pair: { readonly certificate: string; readonly key: string }): Promise<void> {
  const data = join(dir, 'trees/postgres/data/pgdata');
  await until('Postgres to be there', () => succeeds(() => asAdmin(postgres, ['select 1'])), { within: 60_000, every: 20 });
  for (const [file, text] of [
    ['server.crt', pair.certificate],
    ['server.key', pair.key],
  ] as const) {
    await writeFile(join(data, file), text, { mode: 0o600 });
    await chown(join(data, file), dataUser, dataUser);
  }
  const rules = await readFile(join(data, 'pg_hba.conf'), 'utf8');
  await writeFile(join(data, 'pg_hba.conf'), rules.replace(/^host\s.*$/gm, '').concat('\nhostssl all all all scram-sha-256\n'));
  await asAdmin(postgres, ['alter system set ssl = on', 'select pg_reload_conf()']);
  await until('Postgres to refuse plain connections', async () => !(await succeeds(() => asAdmin(postgres, ['select 1']))), {
    within: 10_000,
    every: 20,
  });
}

async function asAdmin(address: Stores['postgres'], statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ ...address, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end().catch(() => undefined);
  }
}

const succeeds = (work: () => Promise<void>): Promise<boolean> =>
  work().then(
    () => true,
    () => false,
  );

/** Certificates of ours are for names; this one leads to the server's address. */
async function forwarded({ host, port }: Stores['postgres']): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((near) => {
    const far = connect(port, host);
    near.pipe(far).pipe(near);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const)
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server listens on no port');
  return {
    port: address.port,
    close: () => {
      server.close();
    },
  };
}
