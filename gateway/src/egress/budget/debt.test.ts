/** What a window owes to those before it, in Postgres. Money alone is limited: to 1,000 micro-dollars a day, unless a test says otherwise. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { booksUnderTest } from './books.fixture.ts';
import { forgetUsers } from './keep-forgetting.ts';
import { ledger } from './ledger.ts';
import type { Limit } from './limits.ts';
import { migrate } from './migrate.ts';
import { ask, limits, today, usage } from './speaker.fixture.ts';
import { pglite } from './sql/pglite.fixture.ts';

const { sql, books, replica, setClock } = await booksUnderTest();

const rows = z.array(z.object({ starts_on: z.string(), debt: z.number() }));
/** In micro-dollars, by first day. */
const debts = async (account = 'uid-acme', kind = 'daily') => {
  const text = `select starts_on::text, debt_micro_usd::int as debt from cloister_egress.budget_window where tenant_uid = $1 and kind = $2`;
  return Object.fromEntries(rows.parse(await sql.query(text, [account, kind])).map(({ starts_on: day, debt }) => [day, debt]));
};
const beyond = (amount: number) => ({ overrunMicroUsd: BigInt(amount), overrunTokens: BigInt(amount) });
/** Spends the whole day in one call, and more. */
async function overspend(more: number, changes: Parameters<typeof ask>[1] = {}, day = today.day) {
  const { say } = replica();
  await say({ asks: [ask(1_000n, changes)] });
  await say({ usage: [usage(1_000 + more, { ...today, day, ...beyond(more) })] });
}
const days = (microUsd: bigint | undefined): Limit[] => [{ kind: 'daily', microUsd, tokens: undefined }];
const open = (changes: Parameters<typeof ask>[1] = {}) => replica().say({ asks: [ask(1n, changes)] });

describe('a window begins with what the one before it was billed beyond its limit,', () => {
  test('which lessens what it has, and is told as used', async () => {
    await overspend(300);
    await setClock('2026-11-23T00:00:00Z');
    const answer = await replica().say({ asks: [ask(701n)] });
    expect(answer).toMatchObject({ leases: [{ amount: { microUsd: 0n }, windows: { daily: { settled: { microUsd: 300n } } } }] });
    expect(await replica().say({ asks: [ask(700n)] })).toMatchObject({ leases: [{ amount: { microUsd: 700n } }] });
    expect(await debts()).toEqual({ '2026-11-22': 0, '2026-11-23': 300 });
  });

  test('and not with what its own limit had room for', async () => {
    const { say } = replica();
    await say({ asks: [ask(400n)] });
    await say({ usage: [usage(400 + 500, { ...today, ...beyond(500) })] });
    await setClock('2026-11-23T00:00:00Z');
    await open();
    expect(await debts()).toMatchObject({ '2026-11-23': 0 });
  });

  test('nor with what is reserved in it beside, until that is spent', async () => {
    const { say } = replica();
    await say({ asks: [ask(1_000n)] });
    await say({ usage: [usage(600 + 300, { ...today, ...beyond(300) })] });
    await setClock('2026-11-23T00:00:00Z');
    await open();
    expect(await debts()).toMatchObject({ '2026-11-23': 0 });
    await say({ usage: [usage(400, today)] });
    expect(await debts()).toMatchObject({ '2026-11-23': 300 });
  });

  test('month by month as well, and for each account by itself', async () => {
    const monthly: Limit[] = [{ kind: 'monthly', microUsd: 1_000n, tokens: undefined }];
    const { say } = replica();
    const accounts = ['uid-acme', 'uid-acme/support', 'uid-acme/key:k'].map((tenantUid) => ask(1_000n, { tenantUid, limits: monthly }));
    await say({ asks: accounts });
    await say({
      usage: [usage(1_040, { ...today, ...beyond(40), agent: 'support', agentLeased: true, caller: 'key:k', callerLeased: true })],
    });
    await setClock('2026-12-01T00:00:00Z');
    await say({ asks: accounts.slice(0, 2) });
    for (const account of ['uid-acme', 'uid-acme/support']) {
      expect(await debts(account, 'monthly')).toEqual({ '2026-11-01': 0, '2026-12-01': 40 });
      expect(await debts(account)).toEqual({ '2026-11-22': 0, '2026-12-01': 0 });
    }
    await setClock('2027-01-01T00:00:00Z');
    await say({ asks: accounts.slice(2) });
    expect(await debts('uid-acme/key:k', 'monthly')).toEqual({ '2026-11-01': 0, '2027-01-01': 0 });
  });
});

describe('debt', () => {
  test('is handed on as far as a window cannot pay it', async () => {
    await overspend(2_300);
    for (const day of ['2026-11-23', '2026-11-24', '2026-11-25']) {
      await setClock(`${day}T12:00:00Z`);
      await open();
    }
    expect(await debts()).toEqual({ '2026-11-22': 0, '2026-11-23': 2_300, '2026-11-24': 1_300, '2026-11-25': 300 });
  });

  test('is paid by days that nobody has opened, each up to the limit', async () => {
    await overspend(2_300);
    await setClock('2026-11-25T12:00:00Z');
    await open();
    expect(await debts()).toEqual({ '2026-11-22': 0, '2026-11-25': 300 });
  });

  test('is paid once, whatever order windows are opened in', async () => {
    await overspend(2_300);
    await setClock('2026-11-25T12:00:00Z');
    await open();
    await replica().say({ usage: [usage(70, { day: '2026-11-24', month: '2026-11-01', tenantLeased: false })] });
    expect(await debts()).toEqual({ '2026-11-22': 0, '2026-11-24': 1_300, '2026-11-25': 370 });
  });

  test('is kept where a limit is raised, lowered or taken away', async () => {
    await overspend(300);
    await setClock('2026-11-23T12:00:00Z');
    await open({ limits: days(100n) });
    await setClock('2026-11-24T12:00:00Z');
    await open({ limits: days(undefined) });
    await setClock('2026-11-25T12:00:00Z');
    await open({ limits: days(5_000n) });
    expect(await debts()).toEqual({ '2026-11-22': 0, '2026-11-23': 300, '2026-11-24': 200, '2026-11-25': 200 });
  });

  test('is no more than the overrun, where a limit was lowered below what was spent', async () => {
    await overspend(300);
    await open({ limits: days(10n) });
    await setClock('2026-11-23T00:00:00Z');
    await open();
    expect(await debts()).toMatchObject({ '2026-11-23': 300 });
  });

  test('is paid and made under the limit that a window had, where it is asked for more without one', async () => {
    await overspend(300);
    await setClock('2026-11-23T12:00:00Z');
    await open();
    await open({ limits: [] });
    await open({ limits: [{ kind: 'daily', microUsd: undefined, tokens: 5n }] });
    await setClock('2026-11-24T12:00:00Z');
    await overspend(40, {}, '2026-11-24');
    await open({ limits: [{ kind: 'monthly', microUsd: 1_000_000n, tokens: undefined }] });
    await setClock('2026-11-25T12:00:00Z');
    await open();
    expect(await debts()).toEqual({ '2026-11-22': 0, '2026-11-23': 300, '2026-11-24': 0, '2026-11-25': 40 });
  });

  test('is of the limit itself, where calls may have a share of it', async () => {
    const share = [{ kind: 'daily' as const, microUsd: 800n, tokens: undefined, whole: limits[0] }];
    const { say } = replica();
    await say({ asks: [ask(800n, { limits: share })] });
    await say({ usage: [usage(800 + 250, { ...today, ...beyond(250) })] });
    await setClock('2026-11-23T00:00:00Z');
    await open();
    expect(await debts()).toMatchObject({ '2026-11-23': 50 });
  });
});

describe('what is heard of a window after the next was opened', () => {
  test('changes what that began with, through all that follow', async () => {
    const { say } = replica();
    await say({ asks: [ask(1_000n)] });
    for (const day of ['2026-11-23', '2026-11-24']) {
      await setClock(`${day}T12:00:00Z`);
      await open();
    }
    expect(await debts()).toEqual({ '2026-11-22': 0, '2026-11-23': 0, '2026-11-24': 0 });
    await say({ usage: [usage(1_000 + 1_250, { ...today, ...beyond(1_250) })] });
    expect(await debts()).toEqual({ '2026-11-22': 0, '2026-11-23': 1_250, '2026-11-24': 250 });
  });

  test('counts once, however often it is said', async () => {
    const { say, message } = replica();
    await say({ asks: [ask(1_000n)] });
    await setClock('2026-11-23T12:00:00Z');
    await open();
    const said = message({ usage: [usage(1_030, { ...today, ...beyond(30) })] });
    await books.exchange(said);
    await books.exchange(said);
    expect(await debts()).toMatchObject({ '2026-11-23': 30 });
  });

  test('takes back what was owed because of a replica that was thought dead', async () => {
    const { say } = replica();
    await overspend(100, { limits: days(2_000n) });
    await say({ asks: [ask(900n, { limits: days(2_000n) })] }); // all but nothing is left
    await setClock('2026-11-23T12:00:00Z');
    await open({ limits: days(2_000n) });
    expect(await debts()).toMatchObject({ '2026-11-23': 0 });
    await books.expireSilent(15);
    await replica().say({ usage: [usage(40, { ...today, ...beyond(40), tenantLeased: false })] });
    expect(await debts()).toMatchObject({ '2026-11-23': 40 });
    await say({ returns: [{ tenantUid: 'uid-acme', ...today, microUsd: 900n, tokens: 0n }] });
    expect(await debts()).toMatchObject({ '2026-11-23': 0 });
  });
});

describe('a message that is said again on another day, because its answer was lost,', () => {
  test('opens no window for what it tells, which counts on the day before', async () => {
    await overspend(300);
    const { message } = replica();
    const told = message({ usage: [usage(70, { tenantLeased: false })] });
    await books.exchange(told);
    await setClock('2026-11-23T00:00:00Z');
    await books.exchange(told);
    expect(await debts()).toEqual({ '2026-11-22': 0 });
  });

  test('opens one for what it asks, which pays and owes like any under the limit that it asks under', async () => {
    await overspend(2_300);
    const { message } = replica();
    const asking = message({ asks: [ask(1n)] });
    await books.exchange(asking);
    await setClock('2026-11-23T12:00:00Z');
    expect(await books.exchange(asking)).toMatchObject({ present: [{ day: '2026-11-23' }] });
    await setClock('2026-11-25T12:00:00Z');
    await open();
    expect(await debts()).toEqual({ '2026-11-22': 0, '2026-11-23': 2_300, '2026-11-25': 300 });
  });

  test('changes no limit under which somebody has asked since', async () => {
    await overspend(2_300);
    const { message } = replica();
    const asking = message({ asks: [ask(1n, { limits: days(10n) })] });
    await books.exchange(asking);
    await setClock('2026-11-23T12:00:00Z');
    await open();
    await books.exchange(asking);
    await setClock('2026-11-24T12:00:00Z');
    await open();
    expect(await debts()).toMatchObject({ '2026-11-24': 1_300 });
  });
});

test('a forfeit is no debt, but leaves less to pay one with', async () => {
  await replica().say({ asks: [ask(1_000n)] });
  await setClock('2026-11-22T12:01:00Z');
  expect(await books.expireSilent(15)).toMatchObject([{ microUsd: 1_000n }]);
  const { say } = replica();
  await say({ asks: [ask(1n, { limits: days(400n) })] });
  await say({ usage: [usage(50, { ...today, ...beyond(50), tenantLeased: false })] });
  await setClock('2026-11-23T12:00:00Z');
  await open();
  expect(await debts()).toEqual({ '2026-11-22': 0, '2026-11-23': 50 });
});

test('replicas that say `exchange` yet make debts, are told of them and pay them', async () => {
  const json = (value: unknown) => JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
  const { message } = replica();
  const exchange = async (changes: Parameters<typeof message>[0]) => {
    const { replica: id, number, leaving, usage: used, returns, asks } = message(changes);
    const text = 'select cloister_egress.exchange($1, $2, $3, $4, $5, $6) as answer';
    return (await sql.query(text, [id, number, leaving, json(used), json(returns), json(asks)]))[0];
  };
  await exchange({ asks: [ask(1_000n)] });
  await exchange({ usage: [usage(1_300, { ...today, ...beyond(300) })] });
  await setClock('2026-11-23T00:00:00Z');
  const present = { day: '2026-11-23', windows: { daily: { settled: { microUsd: '300' } } } };
  expect(await exchange({ asks: [ask(701n)] })).toMatchObject({ answer: { leases: [{ ...present, amount: { microUsd: '0' } }] } });
  expect(await exchange({ asks: [ask(700n)] })).toMatchObject({ answer: { leases: [{ ...present, amount: { microUsd: '700' } }] } });
  await setClock('2026-11-24T00:00:00Z');
  await exchange({ asks: [ask(1n)] });
  expect(await debts()).toEqual({ '2026-11-22': 0, '2026-11-23': 300, '2026-11-24': 0 });
});

test('a user’s window that still owes is not forgotten until another has taken it over', async () => {
  const tenantUid = 'uid-acme/user:ada';
  const { say } = replica();
  await say({ asks: [ask(10n, { tenantUid, limits: days(10n) })] });
  await say({ usage: [usage(100_010, { ...today, ...beyond(100_000), caller: 'user:ada', callerLeased: true, tenantLeased: false })] });
  await setClock('2027-03-22T12:00:00Z'); // 120 days
  await forgetUsers(sql);
  expect(await debts(tenantUid)).toEqual({ '2026-11-22': 0 });
  await open({ tenantUid, limits: days(10n) });
  await forgetUsers(sql);
  expect(await debts(tenantUid)).toEqual({ '2027-03-22': 98_810 });
});

test('a user’s windows are forgotten once days and months have paid what they owed, whether or not anybody opened these', async () => {
  const tenantUid = 'uid-acme/user:ada';
  const both: Limit[] = (['daily', 'monthly'] as const).map((kind) => ({ kind, microUsd: 10n, tokens: undefined }));
  const { say } = replica();
  await say({ asks: [ask(10n, { tenantUid, limits: both })] });
  await say({ usage: [usage(50, { ...today, ...beyond(40), caller: 'user:ada', callerLeased: true, tenantLeased: false })] });
  await setClock('2027-03-22T12:00:00Z'); // four days were enough; the fourth month is not over
  await forgetUsers(sql);
  expect([await debts(tenantUid), await debts(tenantUid, 'monthly')]).toEqual([{}, { '2026-11-01': 0 }]);
  await setClock('2027-04-03T12:00:00Z');
  await forgetUsers(sql);
  expect(await debts(tenantUid, 'monthly')).toEqual({});
});

test('of a ledger that is migrated, the windows of the day count what they were billed beyond', { timeout: 60_000 }, async () => {
  await using before = await pglite();
  await migrate(before, 8);
  await before.script(`insert into cloister_egress.budget_window (tenant_uid, kind, starts_on, settled_micro_usd, overrun_micro_usd)
    values ('uid-acme', 'daily', current_date, 1000, 60)`);
  await migrate(before);
  const scans = `select convalidated as scanned from pg_constraint where contype = 'c' and conrelid = 'cloister_egress.budget_window'::regclass and pg_get_constraintdef(oid) like '%debt%'`;
  expect(await before.query(scans, []), 'it does not read all windows while calls wait').toEqual([{ scanned: false }]);
  await ledger(before).exchange(replica().message({ asks: [ask(1n)] }));
  const text = `select d.micro_usd::int as debt from cloister_egress.debt_before('uid-acme', 'daily', current_date + 1) d`;
  expect(await before.query(text, [])).toEqual([{ debt: 60 }]);
});
