import { z } from 'zod';
import { bookkeeping } from './sql/bookkeeping.ts';
import { fold } from './sql/fold.ts';
import { reserve } from './sql/reserve.ts';
import { settle } from './sql/settle.ts';
import type { Sql } from './sql/sql.ts';
import { tables } from './sql/tables.ts';

/** In order; never edited once released, only added to. */
const migrations: readonly string[] = [tables + bookkeeping + reserve + settle + fold];

/** Any number, as long as nobody else locks it: the letters "cloi" and "egre" as two 32-bit keys. */
const lock = 'select pg_advisory_xact_lock(1668050793, 1701278309);';

const version = z.tuple([z.object({ version: z.coerce.number() })]);

/** Brings the schema to the newest version. Replicas that start together wait for each other; what is current is left alone. */
export async function migrate(sql: Sql): Promise<void> {
  await sql.script(`${lock} ${createSchema}`);
  for (const [position, text] of migrations.entries()) {
    const [{ version: current }] = version.parse(
      await sql.query('select coalesce(max(version), 0) as version from cloister_egress.migration', []),
    );
    if (current <= position) await apply(sql, position + 1, text);
  }
}

/** Looked for first, because "create … if not exists" asks for the right to create even where there is nothing to do. */
const createSchema = `
do $$ begin
  if to_regnamespace('cloister_egress') is null then create schema cloister_egress; end if;
  if to_regclass('cloister_egress.migration') is null then
    create table cloister_egress.migration (version int primary key, applied_at timestamptz not null default now());
  end if;
end $$;`;

/** The version row comes first: of two replicas that got here together, the second fails on it after the lock and changes nothing. */
async function apply(sql: Sql, number: number, text: string): Promise<void> {
  const steps = `${lock} insert into cloister_egress.migration (version) values (${number}); set local search_path = cloister_egress; ${text}`;
  try {
    await sql.script(`begin; ${steps} commit;`);
  } catch (error) {
    if (!isDuplicate(error)) throw error;
  }
}

const isDuplicate = (error: unknown): boolean => typeof error === 'object' && error !== null && 'code' in error && error.code === '23505';
