/** Needs CLOISTER_TEST_POSTGRES_URL. */
import { createLogger } from '@cloister/telemetry';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { followedPostgres } from './followed-postgres.ts';
import { testDatabase, type TestDatabase } from './test-database.fixture.ts';

const log = createLogger({ name: 'test', destination: { write: () => undefined } });
let folder: string;
let old: TestDatabase;
let fresh: TestDatabase;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'egress-'));
  [old, fresh] = await Promise.all([testDatabase(), testDatabase()]);
});
afterEach(async () => {
  await Promise.all([old.drop(), fresh.drop(), rm(folder, { recursive: true })]);
});

const sessionsOf = async (url: string): Promise<number> => {
  const admin = new pg.Client({ connectionString: process.env['CLOISTER_TEST_POSTGRES_URL'] });
  await admin.connect();
  const { rowCount } = await admin.query('select from pg_stat_activity where usename = $1', [new URL(url).username]);
  await admin.end();
  return rowCount ?? 0;
};

test('a credential that is replaced under statements at work fails none, and leaves no session of the old one', async () => {
  const path = join(folder, 'url');
  await writeFile(path, old.url);
  const sql = followedPostgres(path, log, { everyMs: 20 });
  const users = new Set<string>();
  let working = true;
  const worker = async (): Promise<void> => {
    while (working) {
      const [row] = await sql.query('select current_user::text as name, pg_sleep(0.01)', []);
      users.add(String(row && typeof row === 'object' && 'name' in row && row.name));
    }
  };
  const workers = Array.from({ length: 20 }, worker); // more than there are connections
  await expect.poll(() => users.size).toBe(1);
  await writeFile(path, fresh.url);
  await expect.poll(() => users.size, { timeout: 5_000 }).toBe(2);
  await expect.poll(() => sessionsOf(old.url), { timeout: 5_000 }).toBe(0);
  working = false;
  await Promise.all(workers);
  expect(await sessionsOf(fresh.url)).toBeGreaterThan(0);
  await sql.close();
});

test('there are no more connections than were asked for, whatever is to be read at a time', async () => {
  const path = join(folder, 'url');
  await writeFile(path, fresh.url);
  const sql = followedPostgres(path, log, { connections: 2 });
  await Promise.all(Array.from({ length: 6 }, () => sql.query('select pg_sleep(0.1)', [])));
  expect(await sessionsOf(fresh.url)).toBe(2);
  await sql.close();
});
