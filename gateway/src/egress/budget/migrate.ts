import { z } from 'zod';
import { auditAdministration, auditRetention } from '../audit/sql/administration.ts';
import { auditAppend } from '../audit/sql/append.ts';
import { auditPruneChain } from '../audit/sql/prune-chain.ts';
import { auditTables } from '../audit/sql/tables.ts';
import { accounts } from './sql/accounts.ts';
import { cacheWrites } from './sql/cache-writes.ts';
import { callers } from './sql/callers.ts';
import { debt } from './sql/debt.ts';
import { converse } from './sql/leases/converse.ts';
import { countDebt } from './sql/leases/count-debt.ts';
import { exchange } from './sql/leases/exchange.ts';
import { expire } from './sql/leases/expire.ts';
import { forgetSilent } from './sql/leases/forget-silent.ts';
import { saidAgain } from './sql/leases/said-again.ts';
import { tables as leaseTables } from './sql/leases/tables.ts';
import { midnight } from './sql/midnight.ts';
import { openWindow } from './sql/open-window.ts';
import { bookkeeping } from './sql/per-call/bookkeeping.ts';
import { fold } from './sql/per-call/fold.ts';
import { reserve } from './sql/per-call/reserve.ts';
import { settle } from './sql/per-call/settle.ts';
import { tables } from './sql/per-call/tables.ts';
import type { Sql } from './sql/sql.ts';
import { tokenParts } from './sql/token-parts.ts';

/** In order; never edited once released, only added to. */
const migrations: readonly string[] = [
  tables + bookkeeping + reserve + settle + fold,
  leaseTables + expire + exchange,
  auditTables,
  accounts,
  callers,
  auditAdministration + auditRetention,
  auditAppend,
  converse,
  debt + countDebt,
  tokenParts,
  saidAgain + forgetSilent + openWindow + midnight,
  auditPruneChain,
  cacheWrites,
];

const version = z.tuple([z.object({ version: z.coerce.number() })]);

/**
 * Brings the schema to `target`. Replicas that start together wait for each other; what is current, or newer, is left alone.
 * What they wait by is in this schema: advisory locks are everybody's in the database, which tenants share.
 */
export async function migrate(sql: Sql, target = migrations.length): Promise<void> {
  await sql.script(createSchema);
  for (const [position, text] of migrations.slice(0, target).entries()) {
    const [{ version: current }] = version.parse(
      await sql.query('select coalesce(max(version), 0) as version from cloister_egress.migration', []),
    );
    if (current <= position) await apply(sql, position + 1, text);
  }
}

/**
 * Looked for first, because "create … if not exists" asks for the right to create even where there is nothing to do. Of two replicas that make it at once,
 * the second finds it made.
 */
const createSchema = `
do $$ begin
  if to_regnamespace('cloister_egress') is null then create schema cloister_egress; end if;
  if to_regclass('cloister_egress.migration') is null then
    create table cloister_egress.migration (version int primary key, applied_at timestamptz not null default now());
  end if;
exception when unique_violation or duplicate_schema or duplicate_table or duplicate_object then null;
end $$;`;

/** The version row comes first: of two replicas that got here together, the second waits for the first at this row, then fails on it and changes nothing. */
async function apply(sql: Sql, number: number, text: string): Promise<void> {
  const steps = `insert into cloister_egress.migration (version) values (${number}); set local search_path = cloister_egress; ${text}`;
  try {
    await sql.script(`begin; ${steps} commit;`);
  } catch (error) {
    if (!isDuplicate(error)) throw error;
  }
}

const isDuplicate = (error: unknown): boolean => typeof error === 'object' && error !== null && 'code' in error && error.code === '23505';
