import { randomUUID } from 'node:crypto';
import { afterAll } from 'vitest';
import { migrate } from '../budget/migrate.ts';
import { pglite } from '../budget/sql/pglite.fixture.ts';
import type { Sql } from '../budget/sql/sql.ts';
import { auditStore, type AuditStore } from './store.ts';

/** Chains in a Postgres of the file's own. To be called outside of tests, once in a file. */
export async function storeUnderTest(): Promise<{ readonly sql: Sql; readonly store: AuditStore }> {
  const sql = await pglite();
  await migrate(sql);
  afterAll(() => sql[Symbol.asyncDispose]());
  return { sql, store: auditStore(sql) };
}

/** A tenant that has no chain yet. */
export const newOwner = (): { readonly tenantUid: string; readonly tenant: string } => ({
  tenantUid: randomUUID(),
  tenant: `t${randomUUID().slice(0, 8)}`,
});
