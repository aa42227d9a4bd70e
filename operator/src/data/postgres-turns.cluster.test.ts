/** Against a real Postgres, whose administrator's URL is in CLOISTER_TEST_POSTGRES_URL. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testPostgres } from '../testing/servers.fixture.ts';
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
  // The last of three waves waits for longer than it may take to connect.
  const slow = () => pause(1_800).then(() => true);
  const made = await Promise.allSettled(many.map((one) => admin.ensureLogin(one, { login: one.name, password: 'o'.repeat(64) }, slow)));
  expect(made.filter(({ status }) => status === 'rejected')).toEqual([]);
});
