import { z } from 'zod';
import { parseRows, StatementFailed, type Database, type Queries } from './database.ts';
import { migrations, type Migration } from './migrations.ts';

const applied = z.object({ version: z.int() });

/**
 * Brings the schema to the newest version, in one transaction: a crash leaves the version before.
 * Any number of replicas may run this at once; the first does the work while the others wait. A schema that is newer than this program, as
 * during a rollback, is left alone: migrations only ever add.
 */
export async function migrate(database: Database, steps: readonly Migration[] = migrations): Promise<void> {
  await makeTable(database);
  await database.transaction(async (queries) => {
    // In the tenant's own schema. Advisory locks are shared by the whole database, hence by other tenants, any of which could keep them.
    await queries.query('lock table schema_version in share row exclusive mode');
    const [newest] = parseRows(applied, await queries.query('select coalesce(max(version), 0) as version from schema_version'));
    for (const [index, step] of steps.entries()) if (index >= (newest?.version ?? 0)) await apply(queries, index + 1, step);
  });
}

/** Of two that make it at once, the second fails on a name in the catalogs, once the first has made it. */
async function makeTable(database: Database): Promise<void> {
  try {
    await database.query(
      'create table if not exists schema_version (version integer primary key, name text not null, applied_at timestamptz not null default now())',
    );
  } catch (error) {
    if (!(error instanceof StatementFailed && madeMeanwhile.includes(error.sqlState))) throw error;
  }
}

/** unique_violation, duplicate_table, duplicate_object (the table's type) */
const madeMeanwhile = ['23505', '42P07', '42710'];

async function apply(queries: Queries, version: number, { name, statements }: Migration): Promise<void> {
  for (const statement of statements) await queries.query(statement);
  await queries.query('insert into schema_version (version, name) values ($1, $2)', [version, name]);
}
