import pg from 'pg';
import type { Sql } from './sql.ts';

export interface Postgres extends Sql {
  close(): Promise<void>;
}

/** Milliseconds. A budget that cannot be checked within this refuses, rather than let callers pile up. */
const connectTimeout = 2_000;
const statementTimeout = 5_000;

/** `report` hears of connections that break while idle. Of `connections` there are never more; who finds none free waits for as long as for a new one. */
export function postgres(connectionString: string, report: (error: Error) => void, connections = 10): Postgres {
  const pool = new pg.Pool({
    connectionString,
    max: connections,
    connectionTimeoutMillis: connectTimeout,
    statement_timeout: statementTimeout,
    query_timeout: statementTimeout + 1_000,
    idle_in_transaction_session_timeout: statementTimeout,
    application_name: 'cloister-egress',
  });
  pool.on('error', report);
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
