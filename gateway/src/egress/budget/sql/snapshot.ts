import pg from 'pg';
import { connectionTo, type ReadAuthorities } from './connection.ts';
import type { Sql } from './sql.ts';

export interface Snapshot extends Pick<Sql, 'query'> {
  close(): Promise<void>;
}

/** Milliseconds for which whoever reads may be busy with what was read: while it is open, Postgres keeps every row that it can see. */
const patience = 600_000;
const statementTimeout = 5_000;

/** A connection on which everything is read as it was at the first query, whatever is written meanwhile. It writes nothing. */
export async function snapshot(url: string, readAuthorities: ReadAuthorities): Promise<Snapshot> {
  const client = new pg.Client({
    ...connectionTo(url, readAuthorities),
    connectionTimeoutMillis: 2_000,
    statement_timeout: statementTimeout,
    query_timeout: statementTimeout + 1_000,
    idle_in_transaction_session_timeout: patience,
    application_name: 'cloister-snapshot',
  });
  client.on('error', () => undefined); // the next query rejects
  await client.connect();
  await client.query('begin isolation level repeatable read, read only');
  return {
    query: async (text, parameters) => (await client.query<Record<string, unknown>>(text, [...parameters])).rows,
    close: () => client.end(),
  };
}
