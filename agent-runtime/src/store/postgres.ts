import { databaseAuthoritiesKey, postgresTLS } from '@cloister/tenancy';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Pool, PoolClient, PoolConfig } from 'pg';
import type { Database, Queries, Row, SqlValue } from './database.ts';
import { databaseError, translated } from './database-errors.ts';

/** The role's CONNECTION LIMIT is shared by every replica of every agent of the tenant, so one process stays modest. */
const maxConnections = 5;
const connectTimeoutMs = 2_000;
/** No statement here reads more than a page; one that takes longer waits for a server that is gone. */
const queryTimeoutMs = 5_000;
const idleConnectionMs = 30_000;

export interface PostgresOptions {
  /**
   * File that holds postgres://role:password@host:port/database, and sslmode where there is TLS. Where that verifies, `ca.crt` beside it holds the
   * authorities. Password and authorities are read again for every new connection.
   */
  readonly urlFile: string;
  /** Told when an idle connection breaks. */
  readonly onConnectionLost: (error: Error) => void;
}

/** Reads the file, loads the driver and connects with the first statement, not here: the server listens before all that. */
export function openPostgres({ urlFile, onConnectionLost }: PostgresOptions): Database {
  let opening: Promise<Pool> | undefined;
  const open = async (): Promise<Pool> => {
    const { Pool } = await import('pg');
    const pool = new Pool(await poolConfig(urlFile));
    // The pool listens to idle connections only. Where one at work breaks, its statement rejects; an `error` that nobody hears would end the process.
    pool.on('connect', (client) => client.on('error', () => undefined));
    return pool.on('error', (error) => onConnectionLost(databaseError(error)));
  };
  const pool = (): Promise<Pool> => {
    opening ??= open().catch((error: unknown) => {
      opening = undefined; // the next statement tries again
      throw error;
    });
    return opening;
  };
  /** A file that names another role by now is read anew: the credential was replaced after this process had started. */
  const connect = async (): Promise<PoolClient> => {
    const opened = pool();
    const { options } = await opened;
    try {
      return await (await opened).connect();
    } catch (error) {
      if (!isRefusal(error) || options.user === decodeURIComponent((await readURL(urlFile)).username)) throw error;
      if (opening === opened) opening = undefined; // what is idle there ends by itself
      return (await pool()).connect();
    }
  };
  const connected = (): Promise<PoolClient> => translated(connect);
  return {
    query: async (sql, values = [], name) => {
      const client = await connected();
      try {
        const { rows } = await translated(() => client.query<Row>({ text: sql, values: [...values], ...(name !== undefined && { name }) }));
        client.release();
        return rows;
      } catch (error) {
        client.release(true);
        throw error;
      }
    },
    transaction: async (work) => inTransaction(await connected(), work),
    close: async () => (await opening)?.end(),
  };
}

/** SQLSTATE class 28: not let in. */
const isRefusal = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('28');

async function poolConfig(urlFile: string): Promise<PoolConfig> {
  const url = await readURL(urlFile);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''), // those of an IPv6 address
    port: url.port === '' ? 5432 : Number(url.port),
    database: decodeURIComponent(url.pathname.slice(1)),
    user: decodeURIComponent(url.username),
    password: async () => decodeURIComponent((await readURL(urlFile)).password),
    ssl: postgresTLS(url.searchParams.get('sslmode'), () => readFileSync(join(dirname(urlFile), databaseAuthoritiesKey), 'utf8')),
    application_name: 'cloister-agent',
    max: maxConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: queryTimeoutMs,
    idleTimeoutMillis: idleConnectionMs,
    keepAlive: true,
  };
}

async function readURL(file: string): Promise<URL> {
  const text = (await readFile(file, 'utf8')).trim();
  // The parser's own error quotes its input, which holds the password.
  if (!URL.canParse(text)) throw new Error(`the file ${file} holds no database URL`);
  return new URL(text);
}

async function inTransaction<T>(client: PoolClient, work: (queries: Queries) => Promise<T>): Promise<T> {
  const query = (sql: string, values?: readonly SqlValue[]): Promise<readonly Row[]> =>
    translated(async () => (await client.query<Row>(sql, values && [...values])).rows);
  try {
    await query('begin');
    const result = await work({ query });
    await query('commit');
    client.release();
    return result;
  } catch (error) {
    // Closing the connection rolls back too, and leaves nothing to go wrong with a connection whose state is unknown.
    client.release(true);
    throw error;
  }
}
