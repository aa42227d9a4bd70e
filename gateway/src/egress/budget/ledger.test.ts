/** The ledger in Postgres: what leases.property.test.ts does not reach, as zones, the clock of days, forgetting, and the version before. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { of } from './fleet.fixture.ts';
import type { Limit } from './limits.ts';
import { booksUnderTest } from './books.fixture.ts';
import { ledger } from './ledger.ts';
import { migrate } from './migrate.ts';
import { ask, limits, today, usage } from './speaker.fixture.ts';
import { pglite } from './sql/pglite.fixture.ts';

const { sql, books, replica, setClock } = await booksUnderTest();

const windows = () =>
  sql.query(
    `select kind, starts_on::text, settled_micro_usd::int as settled, reserved_micro_usd::int as reserved, forfeited_micro_usd::int as forfeited
     from cloister_egress.budget_window order by tenant_uid, kind, starts_on`,
    [],
  );
const reservedOfDay = () =>
  sql.query(
    `select reserved_micro_usd::int as micro_usd, reserved_tokens::int as tokens from cloister_egress.budget_window where kind = 'daily'`,
    [],
  );
const tokens = (amount: bigint) => ({ microUsd: 0n, tokens: amount });
const usageRows = () =>
  sql.query('select day::text, requests::int, output_tokens::int, micro_usd::int from cloister_egress.usage order by day', []);

test('the schema can be migrated by many replicas at once, and again', async () => {
  await Promise.all([migrate(sql), migrate(sql), migrate(sql)]);
});

describe('a lease', () => {
  test('grows by what is wanted, or by a slice where that is more', async () => {
    const [one, two] = [replica(), replica()];
    expect(await one.say({ asks: [ask(10n)] })).toMatchObject({ replicas: 1, leases: [{ amount: { microUsd: 250n, tokens: 0n } }] });
    expect(await two.say({ asks: [ask(10n)] })).toMatchObject({ replicas: 2, leases: [{ amount: { microUsd: 93n } }] }); // (1000 - 250) / 8
    expect(await two.say({ asks: [ask(400n)] })).toMatchObject({ leases: [{ amount: { microUsd: 493n } }] });
  });

  test('gets the rest where that is what is needed, and nothing where it is less', async () => {
    const { say } = replica();
    await say({ asks: [ask(900n)] });
    expect(await say({ asks: [ask(101n)] })).toMatchObject({ leases: [{ amount: { microUsd: 900n } }] });
    expect(await say({ asks: [ask(100n, { want: of(500n) })] })).toMatchObject({ leases: [{ amount: { microUsd: 1_000n } }] });
  });

  test('is given in all windows or in none', async () => {
    const month: Limit = { kind: 'monthly', microUsd: undefined, tokens: 10n };
    const answer = await replica().say({ asks: [ask(11n, { limits: [...limits, month] })] });
    expect(answer).toMatchObject({ leases: [{ amount: of(0n), windows: { daily: { reserved: of(0n) }, monthly: { reserved: of(0n) } } }] });
  });

  test('leaves other tenants their budget', async () => {
    const { say } = replica();
    const answer = await say({ asks: [ask(1_000n), ask(1_000n, { tenantUid: 'uid-bravo' })] });
    expect(answer).toMatchObject({ leases: [{ amount: { microUsd: 1_000n } }, { amount: { microUsd: 1_000n } }] });
  });

  test('of which nothing was given, as for calls that cost nothing, is used without touching what others hold', async () => {
    const [free, other] = [replica(), replica()];
    expect(await free.say({ asks: [ask(0n, { need: tokens(40n), want: tokens(40n) })] })).toMatchObject({ leases: [{ amount: of(0n) }] });
    await free.say({ usage: [usage(40, { ...today, microUsd: 0n })] });
    expect(await reservedOfDay()).toEqual([{ micro_usd: 0, tokens: 0 }]);
    await other.say({ asks: [ask(10n, { limits: [{ kind: 'daily', microUsd: undefined, tokens: 1_000n }] })] });
    await free.say({
      usage: [usage(5, { ...today, microUsd: 0n })],
      returns: [{ tenantUid: 'uid-acme', ...today, microUsd: 7n, tokens: 3n }],
    });
    expect(await reservedOfDay()).toEqual([{ micro_usd: 0, tokens: 120 }]); // (1000 - 40) / 8
  });
});

describe('an answer', () => {
  const bravo = { tenantUid: 'uid-bravo' };

  test('is about what the message was about, and not about all that is leased', async () => {
    const { say } = replica();
    await say({ asks: [ask(10n), ask(10n, bravo)] });
    expect(await say({ asks: [ask(10n, bravo)] })).toMatchObject({ leases: [bravo], present: [bravo] });
    const told = await say({ usage: [usage(5, today)] });
    expect(told).toMatchObject({ leases: [{ tenantUid: 'uid-acme', amount: { microUsd: 245n } }], present: [] });
    expect(await say({})).toMatchObject({ leases: [] });
  });

  test('tells the holder of a lease when another asks for what it may have idle, until it has given back', async () => {
    const [holder, other] = [replica(), replica()];
    await holder.say({ asks: [ask(10n), ask(10n, bravo)] }); // 250 of each
    await other.say({ asks: [ask(10n)] }); // 93, and 657 are free: a slice is 82
    for (let turn = 0; turn < 2; turn++)
      expect(await holder.say({})).toMatchObject({
        leases: [{ tenantUid: 'uid-acme', windows: { daily: { reserved: { microUsd: 343n } } } }],
      });
    await holder.say({ returns: [{ tenantUid: 'uid-acme', ...today, microUsd: 200n, tokens: 0n }] });
    await other.say({ asks: [ask(10n)] });
    expect(await holder.say({})).toMatchObject({ leases: [] });
  });

  test('recalls nothing of a unit in which whoever asks has no limit', async () => {
    const [holder, other] = [replica(), replica()];
    const limitOf = (microUsd: bigint | undefined, tokens: bigint | undefined): Limit[] => [{ kind: 'daily', microUsd, tokens }];
    await holder.say({ asks: [ask(10n, { limits: limitOf(undefined, 1_000n) }), ask(10n, bravo)] });
    await other.say({ asks: [ask(10n), ask(10n, { ...bravo, limits: limitOf(undefined, 1_000n) })] });
    expect(await holder.say({})).toMatchObject({ leases: [] });
  });

  test('gives what is asked for twice in one message once', async () => {
    expect(await replica().say({ asks: [ask(600n), ask(600n)] })).toMatchObject({ leases: [{ amount: { microUsd: 600n } }] });
  });
});

describe('a window', () => {
  test('begins at midnight of the tenant’s time zone, by the clock of the ledger', async () => {
    await setClock('2026-11-22T23:30:00Z');
    const answer = await replica().say({ asks: [ask(1n, { timeZone: 'Europe/Berlin' })] });
    expect(answer).toMatchObject({
      now: Date.parse('2026-11-22T23:30:00Z'),
      present: [{ day: '2026-11-23', ends: { daily: Date.parse('2026-11-23T23:00:00Z'), monthly: Date.parse('2026-11-30T23:00:00Z') } }],
    });
  });

  test('of a zone that Postgres does not know begins at midnight UTC, and holds nobody else up', async () => {
    const answer = await replica().say({ usage: [usage(5, { timeZone: 'Mars/Olympus' })], asks: [ask(1n, { timeZone: 'Mars/Olympus' })] });
    expect(answer).toMatchObject({ present: [{ day: '2026-11-22' }] });
    expect(await usageRows()).toMatchObject([{ day: '2026-11-22', micro_usd: 5 }]);
  });

  test('is billed for what was reserved in it, and another one for what was used without a lease', async () => {
    await setClock('2026-11-30T23:59:00Z');
    const { say } = replica();
    await say({ asks: [ask(250n)] });
    await setClock('2026-12-01T00:01:00Z');
    await say({ usage: [usage(7, { day: '2026-11-30', month: '2026-11-01' }), usage(3)] });
    expect(await windows()).toMatchObject([
      { kind: 'daily', starts_on: '2026-11-30', settled: 7, reserved: 243 },
      { kind: 'daily', starts_on: '2026-12-01', settled: 3, reserved: 0 },
      { kind: 'monthly', starts_on: '2026-11-01', settled: 7, reserved: 243 },
      { kind: 'monthly', starts_on: '2026-12-01', settled: 3, reserved: 0 },
    ]);
  });
});

describe('a replica', () => {
  test('that says the same again changes nothing', async () => {
    const { message } = replica();
    const said = message({ usage: [usage(5)], asks: [ask(300n)] });
    for (let turn = 0; turn < 3; turn++) expect(await books.exchange(said)).toMatchObject({ leases: [{ amount: { microUsd: 300n } }] });
    expect(await usageRows()).toMatchObject([{ requests: 1, micro_usd: 5 }]);
  });

  test('that falls silent forfeits its leases, which come back when it speaks', async () => {
    const { id, say } = replica();
    await say({ asks: [ask(600n)] });
    await setClock('2026-11-22T12:00:16Z');
    expect(await books.expireSilent(15)).toEqual([{ replica: id, leases: 1, microUsd: 600n, tokens: 0n }]);
    expect(await books.expireSilent(15)).toEqual([]);
    expect(await windows()).toMatchObject([{ settled: 600, reserved: 0, forfeited: 600 }, { settled: 600 }]);
    await say({ usage: [usage(50, today)], returns: [{ tenantUid: 'uid-acme', ...today, microUsd: 550n, tokens: 0n }] });
    expect(await windows()).toMatchObject([{ settled: 50, reserved: 0, forfeited: 0 }, { settled: 50 }]);
  });

  test('is not silent while it speaks', async () => {
    const { say } = replica();
    await say({ asks: [ask(600n)] });
    for (const time of ['12:00:10', '12:00:20', '12:00:30']) {
      await setClock(`2026-11-22T${time}Z`);
      await say({});
      expect(await books.expireSilent(15)).toEqual([]);
    }
  });

  test('is forgotten after a week, what it forfeited is not', async () => {
    const { say } = replica();
    await say({ asks: [ask(600n)] });
    await setClock('2026-11-23T12:00:00Z');
    await books.expireSilent(15);
    await setClock('2026-11-30T12:00:01Z');
    await books.expireSilent(15);
    expect(await say({ usage: [usage(50, today)] })).toBe('forgotten');
    expect(await windows()).toMatchObject([{ settled: 600, forfeited: 600 }, { settled: 600 }]);
  });

  test('is told when the ledger has lost what it heard, as one restored from a copy', async () => {
    const { say, id } = replica();
    await say({ asks: [ask(600n)] });
    await say({});
    await sql.query('update cloister_egress.replica set number = 1 where id = $1', [id]);
    await say({ usage: [usage(1)] }).then((answer) => expect(answer).toBe('forgotten'));
    expect(await usageRows()).toEqual([]);
  });

  test('that leaves is not counted any more', async () => {
    const [one, two] = [replica(), replica()];
    await one.say({ asks: [ask(10n)] });
    await one.say({ leaving: true, returns: [{ tenantUid: 'uid-acme', ...today, microUsd: 250n, tokens: 0n }] });
    expect(await two.say({ asks: [ask(10n)] })).toMatchObject({ replicas: 1 });
  });
});

describe('beside a replica of the version before, which reserves call by call,', () => {
  const call = () => ({
    id: randomUUID(),
    tenantUid: 'uid-acme',
    tenant: 'acme',
    agent: 'support',
    model: 'openai/gpt-5',
    timeZone: 'UTC',
  });
  const reserve = async (of_: ReturnType<typeof call>, amount: number, seconds = 60) => {
    const rungs = [{ outputTokens: amount, tokens: amount, microUsd: amount, headroom: 1 }];
    const asks = JSON.stringify([{ call: of_, rungs, seconds }]);
    const given = JSON.stringify([{ kind: 'daily', microUsd: 1_000 }]);
    return sql.query('select cloister_egress.reserve($1, $2, $3, $4) as answers', ['uid-acme', 'UTC', given, asks]);
  };
  const settle = (of_: ReturnType<typeof call>, amount: number) =>
    sql.query('select cloister_egress.settle($1)', [
      JSON.stringify([{ ...of_, reserved: true, inputTokens: 0, outputTokens: amount, microUsd: amount }]),
    ]);

  test('neither reserves what the other has', async () => {
    const { say } = replica();
    await say({ asks: [ask(700n)] });
    expect(await reserve(call(), 301)).toMatchObject([{ answers: [{ refused: { spent: false } }] }]);
    expect(await reserve(call(), 200)).toMatchObject([{ answers: [{ granted: 200 }] }]);
    expect(await say({ asks: [ask(101n)] })).toMatchObject({ leases: [{ amount: { microUsd: 700n } }] });
    expect(await say({ asks: [ask(100n)] })).toMatchObject({ leases: [{ amount: { microUsd: 800n } }] });
  });

  test('what died is found by the other, too', async () => {
    await replica().say({ asks: [ask(600n)] });
    await setClock('2026-11-22T12:00:16Z');
    await sql.query('select cloister_egress.fold_expired()', []);
    expect(await windows()).toMatchObject([{ settled: 600, forfeited: 600 }, { settled: 600 }]);
  });

  test('what it has reserved is settled, or counted in full by whoever looks when it is dead', async () => {
    const [ended, dead] = [call(), call()];
    await reserve(ended, 100);
    await reserve(dead, 40, -1);
    await settle(ended, 30);
    await books.expireSilent(15);
    expect(await windows()).toMatchObject([{ settled: 70, reserved: 0 }, { settled: 70 }]);
  });
});

test('a ledger of the version before keeps all that is settled and reserved when it is migrated', async () => {
  await using before = await pglite();
  await migrate(before, 1);
  await before.script(`insert into cloister_egress.budget_window (tenant_uid, kind, starts_on, settled_micro_usd, reserved_micro_usd)
    values ('uid-acme', 'daily', current_date, 400, 100)`);
  await migrate(before);
  const answer = await ledger(before).exchange(replica().message({ asks: [ask(501n)] }));
  expect(answer).toMatchObject({
    leases: [{ amount: of(0n), windows: { daily: { settled: { microUsd: 400n }, reserved: { microUsd: 100n } } } }],
  });
}, 60_000); // a database of its own takes seconds to start on a busy machine
