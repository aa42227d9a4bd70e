/** The books as a real Postgres and its driver give them, where types and time zones are not those of PGlite. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ledger, type Usage } from '../budget/ledger.ts';
import { migrate } from '../budget/migrate.ts';
import { postgres, type Postgres } from '../budget/sql/postgres.ts';
import { testDatabase, type TestDatabase } from '../budget/sql/test-database.fixture.ts';
import { usageBooks } from './usage-books.ts';

let database: TestDatabase;
let sql: Postgres;
beforeAll(async () => {
  database = await testDatabase();
  sql = postgres(database.url, () => undefined);
  await migrate(sql);
}, 60_000);
afterAll(async () => {
  await sql.close();
  await database.drop();
});

const usage = (model: string, microUsd: bigint): Usage => ({
  ...{ tenantUid: 'uid-acme', tenant: 'acme', timeZone: 'Asia/Kathmandu', day: null, month: null, model, agent: 'support', caller: '' },
  ...{ tenantLeased: false, agentLeased: false, callerLeased: false },
  ...{
    requests: 1,
    inputTokens: 2,
    outputTokens: 3,
    cachedTokens: 1,
    cacheWriteTokens: 1,
    reasoningTokens: 2,
    microUsd,
    overrunTokens: 0n,
    overrunMicroUsd: 0n,
  },
});

test('agree to the micro-dollar with what the ledger was told, however much it is', async () => {
  const most = 8_000_000_000_000_001n; // eight thousand million dollars, and a millionth
  const message = { replica: randomUUID(), number: 1, leaving: false, returns: [], asks: [] };
  await ledger(sql).exchange({ ...message, usage: [usage('p/m', most), usage('p/n', 7n)] });
  const asked = {
    tenantUid: 'uid-acme',
    timeZone: 'Asia/Kathmandu',
    from: undefined,
    to: undefined,
    by: ['model' as const],
    caller: undefined,
    agents: ['support', 'idle'],
  };
  const { lines, windows, agents, timeZone } = await usageBooks(sql)(asked);
  const used = { day: null, agent: null, key: null, user: null, requests: 1 };
  const tokens = { inputTokens: 2, outputTokens: 3, cachedTokens: 1, cacheWriteTokens: 1, reasoningTokens: 2 };
  expect(lines).toEqual([
    { model: 'p/m', ...used, ...tokens, microUsd: Number(most) },
    { model: 'p/n', ...used, ...tokens, microUsd: 7 },
  ]);
  expect(windows.daily.microUsd).toEqual({ spent: Number(most) + 7, debt: 0, reserved: 0, forfeited: 0 });
  expect(windows.monthly.tokens).toEqual({ spent: 10, debt: 0, reserved: 0, forfeited: 0 });
  expect(agents.map(({ agent, windows: { daily } }) => [agent, daily.microUsd.spent])).toEqual([
    ['idle', 0],
    ['support', Number(most) + 7],
  ]);
  expect([timeZone, new Date(windows.daily.ends).toISOString().slice(11)]).toEqual(['Asia/Kathmandu', '18:15:00.000Z']);
});
