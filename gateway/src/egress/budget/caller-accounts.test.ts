/** Budgets of API keys and users in Postgres, beside those of their tenant and of the agent. */
import { expect, test } from 'vitest';
import { forgetUsers, rememberedDays } from './keep-forgetting.ts';
import type { Usage } from './ledger.ts';
import { booksUnderTest } from './books.fixture.ts';
import { ask, today, usage } from './speaker.fixture.ts';

const [key, user] = ['key:0123456789ab', `user:${'f'.repeat(32)}`];
const { sql, books, replica, accounts, setClock } = await booksUnderTest();
const listed = () =>
  sql.query('select caller, requests::int, micro_usd::int as cost from cloister_egress.caller_usage order by caller, day', []);

test('what is used on behalf of a caller counts in its account, its agent’s and its tenant’s, and is listed once in each book', async () => {
  await replica().say({ usage: [usage(5, { agent: 'support', caller: key }), usage(7, { caller: user }), usage(2, { agent: 'support' })] });
  expect(await accounts()).toEqual([
    { account: 'uid-acme', settled: 14, reserved: 0 },
    { account: `uid-acme/${key}`, settled: 5, reserved: 0 },
    { account: 'uid-acme/support', settled: 7, reserved: 0 },
    { account: `uid-acme/${user}`, settled: 7, reserved: 0 },
  ]);
  expect(await sql.query('select agent, micro_usd::int as cost from cloister_egress.usage order by agent', [])).toEqual([
    { agent: '', cost: 7 },
    { agent: 'support', cost: 7 },
  ]);
  expect(await listed()).toEqual([
    { caller: key, requests: 1, cost: 5 },
    { caller: user, requests: 1, cost: 7 },
  ]);
});

test('it is listed once, however often the message is said', async () => {
  const { message } = replica();
  const said = message({ usage: [usage(5, { caller: key })] });
  await books.exchange(said);
  await books.exchange(said);
  await replica().say({ usage: [usage(6, { caller: key })] });
  expect(await listed()).toEqual([{ caller: key, requests: 2, cost: 11 }]);
});

test('it leaves the leases from which it was reserved, and no other', async () => {
  const { say } = replica();
  const share = { limits: [{ kind: 'daily' as const, microUsd: 400n, tokens: undefined }] };
  await say({ asks: [ask(100n), ask(100n, { ...share, tenantUid: `uid-acme/${key}` })] });
  const before = await accounts();
  const used = { ...today, agent: 'support', caller: key };
  await say({ usage: [usage(60, { ...used, callerLeased: true }), usage(10, used), usage(7, { ...used, tenantLeased: false })] });
  const [own, ofKey] = [before[0], before[1]].map((row) => Number(row && typeof row === 'object' && 'reserved' in row ? row.reserved : 0));
  expect(await accounts()).toEqual([
    { account: 'uid-acme', settled: 77, reserved: (own ?? 0) - 70 },
    { account: `uid-acme/${key}`, settled: 77, reserved: (ofKey ?? 0) - 60 },
    { account: 'uid-acme/support', settled: 77, reserved: 0 },
  ]);
});

test('a replica of the version before, which says nothing of callers, goes on', async () => {
  const { message } = replica();
  const old = Object.fromEntries(
    Object.entries(usage(30, { ...today, agent: 'support' })).filter(([name]) => name !== 'caller' && name !== 'callerLeased'),
  );
  const { replica: id, number, leaving } = message({});
  const text = JSON.stringify([old], (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  await sql.query('select cloister_egress.exchange($1, $2, $3, $4, $5, $6)', [id, number, leaving, text, '[]', '[]']);
  expect(await accounts()).toEqual([
    { account: 'uid-acme', settled: 30, reserved: 0 },
    { account: 'uid-acme/support', settled: 30, reserved: 0 },
  ]);
  expect(await listed()).toEqual([]);
});

test('users are forgotten in time, in batches, and nobody else', async () => {
  const { say } = replica();
  const users = Array.from({ length: 5 }, (_, at): Usage => usage(1, { caller: `user:${String(at).padStart(32, '0')}` }));
  await say({ usage: [...users, usage(1, { caller: key }), usage(1, { agent: 'support' })] });
  await setClock(new Date(Date.UTC(2026, 10, 22 + rememberedDays)).toISOString());
  await forgetUsers(sql, 2);
  expect(await listed()).toHaveLength(6);
  await setClock(new Date(Date.UTC(2026, 10, 23 + rememberedDays)).toISOString());
  await forgetUsers(sql, 2);
  expect(await listed()).toEqual([{ caller: key, requests: 1, cost: 1 }]);
  expect(await accounts()).toMatchObject([
    { account: 'uid-acme', settled: 7 },
    { account: `uid-acme/${key}` },
    { account: 'uid-acme/support' },
  ]);
});

test('of a user whose lease nobody has given back nothing is forgotten that it could still be settled in', async () => {
  const { say } = replica();
  await say({ asks: [ask(100n, { tenantUid: `uid-acme/${user}` })] });
  await setClock('2027-11-22T12:00:00Z');
  await forgetUsers(sql);
  expect(await accounts()).toHaveLength(1);
});
