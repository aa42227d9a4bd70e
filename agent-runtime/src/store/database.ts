/**
 * What the agent needs of a database: SQL with `$1` parameters, as Postgres and PGlite both understand it.
 * Tables live in the schema that the role's `search_path` names, so no statement ever names a schema.
 */
import type { z } from 'zod';

export type Row = Readonly<Record<string, unknown>>;
export type SqlValue = string | number | boolean | null;

export interface Queries {
  /**
   * Throws {@link DatabaseUnavailable} or {@link StatementFailed}, nothing else. With a name, which must stand for this one text, each connection
   * plans the statement once: for what every request asks.
   */
  query(sql: string, values?: readonly SqlValue[], name?: string): Promise<readonly Row[]>;
}

export interface Database extends Queries {
  /** Commits what `work` did, or nothing of it when `work` throws. */
  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** The server cannot be reached, is shutting down or has no connection left. The same statement may work a moment later. */
export class DatabaseUnavailable extends Error {
  constructor(reason: string) {
    super(`the database is unavailable: ${reason}`);
    this.name = 'DatabaseUnavailable';
  }
}

/**
 * A statement that the server refused. Carries the SQLSTATE and the names that the server gave, but neither its message nor a cause:
 * both may quote row values, which are the tenant's content and must reach no log.
 */
export class StatementFailed extends Error {
  readonly sqlState: string;

  constructor(sqlState: string, subject?: string) {
    super(`a statement failed with SQLSTATE ${sqlState}${subject === undefined ? '' : ` (${subject})`}`);
    this.name = 'StatementFailed';
    this.sqlState = sqlState;
  }
}

export const parseRows = <T>(schema: z.ZodType<T>, rows: readonly Row[]): T[] => rows.map((row) => schema.parse(row));

/** Text as Postgres can hold it: a NUL character, which it refuses, becomes U+FFFD. */
export const storable = (text: string): string => text.replaceAll('\0', '\uFFFD');
