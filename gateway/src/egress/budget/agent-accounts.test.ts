/** Budgets of agents in Postgres, beside their tenant's. */
import { expect, test } from 'vitest';
import { booksUnderTest } from './books.fixture.ts';
import { migrate } from './migrate.ts';
import { ask, today, usage } from './speaker.fixture.ts';
import { exchange } from './sql/leases/exchange.ts';
import { pglite } from './sql/pglite.fixture.ts';

const { sql, books, replica, accounts, setClock } = await booksUnderTest();
const both = [ask(100n), ask(100n, { tenantUid: 'uid-acme/support', limits: [{ kind: 'daily', microUsd: 400n, tokens: undefined }] })];

test('what an agent uses counts in its account and in its tenant’s, and is listed once', async () => {
  await replica().say({ usage: [usage(5, { agent: 'support' }), usage(2)] });
  expect(await accounts()).toEqual([
    { account: 'uid-acme', settled: 7, reserved: 0 },
    { account: 'uid-acme/support', settled: 5, reserved: 0 },
  ]);
  const listed = 'select agent, micro_usd::int as cost from cloister_egress.usage order by agent';
  expect(await sql.query(listed, [])).toEqual([
    { agent: '', cost: 2 },
    { agent: 'support', cost: 5 },
  ]);
});

test('what an agent uses leaves the leases from which it was reserved, and no other', async () => {
  const { say } = replica();
  await say({ asks: both });
  await say({ usage: [usage(60, { ...today, agent: 'support', agentLeased: true }), usage(10, { ...today, agent: 'support' })] });
  await say({ usage: [usage(7, { ...today, agent: 'support', tenantLeased: false, agentLeased: true })] });
  expect(await accounts()).toEqual([
    { account: 'uid-acme', settled: 77, reserved: 180 },
    { account: 'uid-acme/support', settled: 77, reserved: 33 },
  ]);
});

test('what an agent uses is what its tenant forfeits when its replica dies, not as much again', async () => {
  const { say, id } = replica();
  await say({ asks: both });
  await setClock('2026-11-22T12:00:16Z');
  expect(await books.expireSilent(15)).toEqual([{ replica: id, leases: 1, microUsd: 250n, tokens: 0n }]);
  expect(await accounts()).toMatchObject([{ settled: 250 }, { settled: 100 }]);
});

test('what an agent uses of a replica of the version before, which says nothing of leases, leaves that of its tenant', async () => {
  const { say, message } = replica();
  await say({ asks: [ask(100n)] });
  const old = Object.fromEntries(
    Object.entries(usage(30, { ...today, agent: 'support' })).filter(([name]) => name !== 'tenantLeased' && name !== 'agentLeased'),
  );
  const { replica: id, number, ...said } = message({});
  const text = JSON.stringify([old], (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  await sql.query('select cloister_egress.exchange($1, $2, $3, $4, $5, $6)', [id, number, said.leaving, text, '[]', '[]']);
  expect(await accounts()).toEqual([
    { account: 'uid-acme', settled: 30, reserved: 220 },
    { account: 'uid-acme/support', settled: 30, reserved: 0 },
  ]);
});

test('what an agent uses before its account was kept is counted when the ledger is migrated', { timeout: 60_000 }, async () => {
  await using before = await pglite();
  await migrate(before, 2);
  await before.script(`insert into cloister_egress.usage (tenant_uid, tenant, day, model, agent, micro_usd, output_tokens)
    values ('uid-acme', 'acme', current_date, 'p/m', 'support', 40, 4), ('uid-acme', 'acme', current_date, 'p/n', 'support', 2, 1)`);
  await migrate(before);
  const rows = `select kind, settled_micro_usd::int as settled, settled_tokens::int as tokens
    from cloister_egress.budget_window where tenant_uid = 'uid-acme/support' order by kind`;
  expect(await before.query(rows, [])).toEqual([
    { kind: 'daily', settled: 42, tokens: 5 },
    { kind: 'monthly', settled: 42, tokens: 5 },
  ]);
});

test('a message that began before the migration and is taken after it counts in its agent’s account', { timeout: 60_000 }, async () => {
  await using database = await pglite();
  await migrate(database, 3);
  // The body of before, under another name: as when it waits for a row while the migration commits.
  const before = exchange.slice(exchange.indexOf('create function exchange('));
  await database.script(before.replace('create function exchange(', 'create function cloister_egress.in_flight('));
  await migrate(database);
  const line = { ...usage(70, { agent: 'support' }), day: null, month: null };
  const text = JSON.stringify([line], (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  await database.query("select cloister_egress.in_flight(gen_random_uuid(), 1, false, $1, '[]', '[]')", [text]);
  const rows = 'select tenant_uid as account, kind, settled_micro_usd::int as settled from cloister_egress.budget_window order by 1, 2';
  expect(await database.query(rows, [])).toEqual(
    ['uid-acme', 'uid-acme/support'].flatMap((account) => ['daily', 'monthly'].map((kind) => ({ account, kind, settled: 70 }))),
  );
});
