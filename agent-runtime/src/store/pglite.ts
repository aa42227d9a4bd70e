import type { Database, Row } from './database.ts';
import { translated } from './database-errors.ts';

/** Postgres inside this process, for laptops and tests. Without a directory its data live in memory. */
export async function openPGlite(directory?: string): Promise<Database> {
  const { PGlite } = await import('@electric-sql/pglite');
  const pglite = await PGlite.create(directory === undefined ? {} : { dataDir: directory });
  return {
    query: (sql, values) => translated(async () => (await pglite.query<Row>(sql, values && [...values])).rows),
    transaction: (work) =>
      pglite.transaction((tx) =>
        work({ query: (sql, values) => translated(async () => (await tx.query<Row>(sql, values && [...values])).rows) }),
      ),
    close: () => pglite.close(),
  };
}
