/** Against a real Postgres, whose administrator's URL is in CLOISTER_TEST_POSTGRES_URL. */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inTurn, testPostgres } from '../testing/servers.fixture.ts';
import { PostgresAdmin } from './postgres.ts';

const many = Array.from({ length: 24 }, (_, index) => ({
  name: `t_postgres_turns_${index}`,
  owner: `uid-of-turns-${index}`,
  connectionLimit: 5,
  statementTimeoutSeconds: 30,
}));
const admin = new PostgresAdmin(testPostgres(), { connectMs: 3_000 });
const dropAll = () => Promise.all(many.map((one) => admin.dropRole(one)));

beforeAll(dropAll);
afterAll(async () => {
  await dropAll();
  await admin.close();
});

test('who waits for those who came before is not told that Postgres is away', async () => {
  // All change the same catalogs and wait for this lock in turn, for longer than it may take to connect.
  const other = new pg.Client(testPostgres());
  await other.connect();
  await other.query(`BEGIN; ${inTurn('')}`);
  const making = Promise.allSettled(many.map((one) => admin.ensureLogin(one, { login: one.name, password: 'o'.repeat(64) })));
  await pause(4_000);
  await other.end();
  const made = await making;
  expect(made.filter(({ status }) => status === 'rejected')).toEqual([]);
});
