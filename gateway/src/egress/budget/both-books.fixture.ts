/** The tables and functions of Postgres beside the rules in plain code: both are told, and must say the same in every answer. */
import { expect } from 'vitest';
import { z } from 'zod';
import { noon, type World } from './histories.fixture.ts';
import { LedgerModel } from './ledger-model.fixture.ts';
import { ledger, type Answer, type Ledger, type Message } from './ledger.ts';
import { migrate } from './migrate.ts';
import { pglite } from './sql/pglite.fixture.ts';
import type { Sql } from './sql/sql.ts';

const amounts = z.object({ microUsd: z.coerce.bigint(), tokens: z.coerce.bigint() });
const bound = z.coerce
  .bigint()
  .nullable()
  .transform((limit) => limit ?? undefined);
const windowRow = z.object({
  key: z.string(),
  ...{ settled: amounts, reserved: amounts, overrun: amounts, forfeited: amounts, debt: amounts },
  limit: z.object({ microUsd: bound, tokens: bound }),
});
const pair = (name: string) => `jsonb_build_object('microUsd', ${name}_micro_usd::text, 'tokens', ${name}_tokens::text) as ${name}`;
const windowsQuery = `select tenant_uid || ' ' || kind || ' ' || starts_on as key,
  ${['settled', 'reserved', 'overrun', 'forfeited', 'debt', 'limit'].map(pair).join(', ')} from cloister_egress.budget_window`;
const tables = ['budget_window', 'usage', 'caller_usage', 'replica', 'lease', 'test_clock'];

/** Gives empty books of both kinds, as often as asked. */
export async function bothBooks(): Promise<AsyncDisposable & { readonly world: (begins?: number) => Promise<World> }> {
  const sql = await pglite();
  await migrate(sql);
  await sql.script(`create table cloister_egress.test_clock (at timestamptz);
    create or replace function cloister_egress.clock() returns timestamptz language sql stable as $$ select at from cloister_egress.test_clock $$`);
  const world = async (begins = noon): Promise<World> => {
    await sql.script(`truncate ${tables.map((table) => `cloister_egress.${table}`).join(', ')};
      insert into cloister_egress.test_clock values ('${new Date(begins).toISOString()}')`);
    const books = new LedgerModel(begins);
    return { ledger: both(ledger(sql), books), books, pass: (ms) => passBoth(sql, books, ms), look: () => compare(sql, books) };
  };
  return { world, [Symbol.asyncDispose]: () => sql[Symbol.asyncDispose]() };
}

/** Tells both, and insists that they answer alike. */
const both = (real: Ledger, model: LedgerModel): Ledger => ({
  exchange: async (message: Message) => {
    const [answer, expected] = [await real.exchange(message), await model.exchange(message)];
    expect(inOrder(answer)).toEqual(inOrder(expected));
    return answer;
  },
  expireSilent: async (seconds) => {
    await model.expireSilent(seconds);
    return real.expireSilent(seconds);
  },
});

const inOrder = (answer: Answer) =>
  answer === 'forgotten' ? answer : { ...answer, leases: answer.leases.toSorted(byKey), present: answer.present.toSorted(byKey) };
type Key = Parameters<typeof keyOf>[0];
const byKey = (one: Key, other: Key) => (keyOf(one) < keyOf(other) ? -1 : 1);
const keyOf = ({ tenantUid, day: start }: { tenantUid: string; day: string }) => `${tenantUid} ${start}`;

async function passBoth(sql: Sql, books: LedgerModel, ms: number): Promise<void> {
  books.now += ms;
  await sql.query('update cloister_egress.test_clock set at = $1', [new Date(books.now).toISOString()]);
}

async function compare(sql: Sql, books: LedgerModel): Promise<void> {
  const rows = z.array(windowRow).parse(await sql.query(windowsQuery, []));
  const found = new Map(rows.map(({ key, ...window }) => [key, window]));
  const expected = [...books.windows].map(([key, window]) => [key, { ...window, debt: books.debtOf(key) }] as const);
  expect(found).toEqual(new Map(expected));
}
