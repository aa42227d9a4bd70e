import pg from 'pg';
import { connectionTo, nobody, type ReadAuthorities } from './connection.ts';
import type { Sql } from './sql.ts';

export interface Postgres extends Sql {
  close(): Promise<void>;
}

/** Milliseconds. A budget that cannot be checked within this refuses, rather than let callers pile up. */
const connectTimeout = 2_000;
const statementTimeout = 5_000;

export interface PostgresOptions {
  /** There are never more; who finds none free waits for as long as for a new one. Default 10. */
  readonly connections?: number | undefined;
  /** Default: those that Node trusts by itself. */
  readonly readAuthorities?: ReadAuthorities;
}

/** `report` hears of connections that break while idle. */
export function postgres(
  url: string,
  report: (error: Error) => void,
  { connections = 10, readAuthorities = nobody }: PostgresOptions = {},
): Postgres {
  const pool = new pg.Pool({
    ...connectionTo(url, readAuthorities),
    max: connections,
    connectionTimeoutMillis: connectTimeout,
    statement_timeout: statementTimeout,
    query_timeout: statementTimeout + 1_000,
    idle_in_transaction_session_timeout: statementTimeout,
    application_name: 'cloister-egress',
  });
  pool.on('error', report);
  // The pool listens to idle connections only. Where one at work breaks, its statement rejects; an `error` that nobody hears would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return {
    query: async (text, parameters, name) => {
      const values = [...parameters];
      const { rows } = await pool.query<Record<string, unknown>>(name === undefined ? { text, values } : { text, values, name });
      return rows;
    },
    script: async (text) => {
      const client = await pool.connect();
      try {
        await client.query(text);
        client.release();
      } catch (error) {
        client.release(true); // a script that failed half-way may have left its transaction open
        throw error;
      }
    },
    close: () => pool.end(),
  };
}
