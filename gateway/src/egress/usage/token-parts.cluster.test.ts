/** An upgrade in the middle of what replicas say, on a real Postgres: connections that stay have plans of the version before. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { migrate } from '../budget/migrate.ts';
import { usage } from '../budget/speaker.fixture.ts';
import { postgres } from '../budget/sql/postgres.ts';
import { testDatabase } from '../budget/sql/test-database.fixture.ts';
import { usageBooks } from './usage-books.ts';

const beforeParts = 9;
const {
  cachedTokens: _cached,
  cacheWriteTokens: _written,
  reasoningTokens: _reasoning,
  ...before
} = usage(5, { inputTokens: 10, agent: 'support', caller: 'key:k' });
const present = { ...before, cachedTokens: 4, cacheWriteTokens: 2, reasoningTokens: 3 };

/** A replica that says what each call used for as long as it may, on one connection. Gives how many calls the ledger took. */
async function talk(url: string, line: object, until: AbortSignal): Promise<number> {
  const sql = postgres(url, () => undefined, { connections: 1 });
  const said = JSON.stringify([line], (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  const id = randomUUID();
  let number = 0;
  while (!until.aborted) {
    const text = 'select cloister_egress.converse($1, $2, $3, $4, $5, $6) as answer';
    await sql.query(text, [id, ++number, false, said, '[]', '[]'], 'converse');
    await sleep(1);
  }
  await sql.close();
  return number;
}

test('a replica of the version before goes on while the ledger is migrated, beside one of this version', { timeout: 60_000 }, async () => {
  const database = await testDatabase();
  const sql = postgres(database.url, () => undefined);
  try {
    await migrate(sql, beforeParts);
    const ending = new AbortController();
    const old = talk(database.url, before, ending.signal);
    await sleep(300);
    await migrate(sql);
    const young = talk(database.url, present, ending.signal);
    await sleep(300);
    ending.abort();
    const [calls, more] = await Promise.all([old, young]);
    expect(Math.min(calls, more)).toBeGreaterThan(10);
    const asked = {
      tenantUid: 'uid-acme',
      timeZone: 'UTC',
      from: undefined,
      to: undefined,
      by: ['key' as const],
      caller: undefined,
      agents: [],
    };
    expect((await usageBooks(sql)(asked)).lines).toMatchObject([
      {
        key: 'k',
        requests: calls + more,
        inputTokens: 10 * (calls + more),
        cachedTokens: 4 * more,
        cacheWriteTokens: 2 * more,
        reasoningTokens: 3 * more,
      },
    ]);
  } finally {
    await sql.close();
    await database.drop();
  }
});
