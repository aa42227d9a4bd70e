/** The ledger in a Postgres within this process. */
import { afterAll, beforeEach } from 'vitest';
import { ledger, type Ledger } from './ledger.ts';
import { migrate } from './migrate.ts';
import { setClockOf, speaker } from './speaker.fixture.ts';
import { pglite } from './sql/pglite.fixture.ts';
import type { Sql } from './sql/sql.ts';

export interface BooksUnderTest {
  readonly sql: Sql;
  readonly books: Ledger;
  readonly replica: () => ReturnType<typeof speaker>;
  /** What is settled and reserved of the day, by account. */
  readonly accounts: () => Promise<readonly unknown[]>;
  readonly setClock: (time: string) => Promise<void>;
}

const tables = ['budget_window', 'reservation', 'usage', 'caller_usage', 'replica', 'lease'];

/** To be called outside of tests, once in a file. Before each test it is empty, and noon of 22 November 2026. */
export async function booksUnderTest(): Promise<BooksUnderTest> {
  const sql = await pglite();
  await migrate(sql);
  const books = ledger(sql);
  const setClock = (time: string) => setClockOf(sql, time);
  beforeEach(async () => {
    await sql.script(`truncate ${tables.map((table) => `cloister_egress.${table}`).join(', ')}`);
    await setClock('2026-11-22T12:00:00Z');
  });
  afterAll(() => sql[Symbol.asyncDispose]());
  return {
    ...{ sql, books, setClock },
    replica: () => speaker(() => books),
    accounts: () =>
      sql.query(
        `select tenant_uid as account, settled_micro_usd::int as settled, reserved_micro_usd::int as reserved
         from cloister_egress.budget_window where kind = 'daily' order by tenant_uid`,
        [],
      ),
  };
}
