/**
 * What the ledger takes for a message about 3,000 accounts, on a usual moment and as a day begins: `node test/load/ledger.ts [days]`.
 *
 * Method: one connection to a Postgres that waits for the disk; 1,000 tenants, each with an agent and a key, all of which ask in one message,
 * day after day by a clock that is set. First of a day; the same a second time; the same with one new account among them; and what all have
 * used. Times are those that the caller waits. The fastest and the middle of the days are told: others are at work on the machine.
 */
import { ledger, migrate, postgres, type Sql } from '@cloister/gateway';
import { randomUUID } from 'node:crypto';
import { openStores } from './gateway/stores.ts';
import { machine } from './measuring/machine.ts';
import { plain, printFigures } from './scale/figure.ts';

const days = Number(process.argv[2] ?? 15);
const tenants = 1_000;
type Message = Parameters<ReturnType<typeof ledger>['exchange']>[0];

const of = (amount: bigint) => ({ microUsd: amount, tokens: amount });
const limits = (['daily', 'monthly'] as const).map((kind) => ({ kind, ...of(1_000_000n) }));
const asking = (tenantUid: string) => ({ tenantUid, timeZone: 'Europe/Berlin', limits, need: of(1n), want: of(1n) });
const uids = Array.from({ length: tenants }, (_, at) => `uid-${at}`);
const asks = uids.flatMap((uid) => [uid, `${uid}/support`, `${uid}/key:k`]).map(asking);
const usage = (day: string): Message['usage'] =>
  uids.map((tenantUid) => ({
    ...{ tenantUid, tenant: tenantUid, timeZone: 'Europe/Berlin', day, month: `${day.slice(0, 7)}-01`, model: 'p/m', agent: 'support' },
    ...{
      caller: 'key:k',
      tenantLeased: true,
      agentLeased: true,
      callerLeased: true,
      requests: 1,
      inputTokens: 0,
      outputTokens: 1,
      cachedTokens: 0,
      cacheWriteTokens: 0,
      reasoningTokens: 0,
    },
    ...{ microUsd: 1n, overrunTokens: 0n, overrunMicroUsd: 0n },
  }));

async function measure(sql: Sql): Promise<Record<string, number[]>> {
  const books = ledger(sql);
  const replica = randomUUID();
  const taken: Record<string, number[]> = {};
  let number = 0;
  const say = async (what: string, said: Partial<Message>) => {
    const message = { replica, number: ++number, leaving: false, usage: [], returns: [], asks: [], ...said };
    const before = performance.now();
    await books.exchange(message);
    (taken[what] ??= []).push(performance.now() - before);
  };
  for (let at = 0; at < days; at++) {
    const day = new Date(Date.UTC(2026, 0, 1 + at)).toISOString().slice(0, 10);
    await sql.script(
      `create or replace function cloister_egress.clock() returns timestamptz language sql stable as $$ select timestamptz '${day} 12:00Z' $$`,
    );
    await say('asks of all, the first of a day', { asks });
    await say('asks of all, again', { asks });
    await say('asks of all, of which one is new', { asks: [...asks, asking(`new-${at}`)] });
    await say('what all have used', { usage: usage(day) });
  }
  return taken;
}

const stores = await openStores();
const sql = postgres(stores.setup.postgresURL, () => undefined, { connections: 1 });
try {
  await migrate(sql);
  console.log(`# The ledger, in messages about ${3 * tenants} accounts\n\n${await machine()}`);
  const figures = Object.entries(await measure(sql)).map(([what, times]) => {
    const [fastest = 0, ...others] = times.slice(1).toSorted((one, other) => one - other);
    return plain(what, `${fastest.toFixed(0)} ms; in the middle ${(others[(others.length >> 1) - 1] ?? 0).toFixed(0)} ms`);
  });
  printFigures('milliseconds', figures);
} finally {
  await sql.close();
  await stores.close();
}
