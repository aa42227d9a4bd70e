import { PGlite } from '@electric-sql/pglite';
import type { Sql } from './sql.ts';

/** Postgres in this process, in memory, for tests and benchmarks. */
export async function pglite(): Promise<Sql & AsyncDisposable> {
  const database = await PGlite.create();
  return {
    query: async (text, parameters) => (await database.query<Record<string, unknown>>(text, [...parameters])).rows,
    script: async (text) => {
      try {
        await database.exec(text);
      } catch (error) {
        await database.exec('rollback');
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => database.close(),
  };
}
