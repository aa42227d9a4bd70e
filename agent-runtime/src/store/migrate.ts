import { z } from 'zod';
import { parseRows, type Database, type Queries } from './database.ts';
import { migrations, type Migration } from './migrations.ts';

const applied = z.object({ version: z.int() });

/**
 * Brings the schema to the newest version, in one transaction: a crash leaves the version before.
 * Any number of replicas may run this at once; the first does the work while the others wait. A schema that is newer than this program, as
 * during a rollback, is left alone: migrations only ever add.
 */
export function migrate(database: Database, steps: readonly Migration[] = migrations): Promise<void> {
  return database.transaction(async (queries) => {
    await lockSchema(queries);
    await queries.query(
      'create table if not exists schema_version (version integer primary key, name text not null, applied_at timestamptz not null default now())',
    );
    const [newest] = parseRows(applied, await queries.query('select coalesce(max(version), 0) as version from schema_version'));
    for (const [index, step] of steps.entries()) if (index >= (newest?.version ?? 0)) await apply(queries, index + 1, step);
  });
}

async function apply(queries: Queries, version: number, { name, statements }: Migration): Promise<void> {
  for (const statement of statements) await queries.query(statement);
  await queries.query('insert into schema_version (version, name) values ($1, $2)', [version, name]);
}

/** Advisory locks are shared by the whole database, hence by other tenants: the schema is part of the key. */
const lockSchema = (queries: Queries): Promise<unknown> =>
  queries.query(`select pg_advisory_xact_lock(hashtextextended('cloister-agent migrate ' || current_schema(), 0))`);
