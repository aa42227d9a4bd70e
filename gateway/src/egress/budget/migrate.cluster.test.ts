/** Replicas that start together, and tenants that are in the same database, on a real Postgres. Needs CLOISTER_TEST_POSTGRES_URL. */
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrate } from './migrate.ts';
import { postgres, type Postgres } from './sql/postgres.ts';
import { testDatabase, type TestDatabase } from './sql/test-database.fixture.ts';

let database: TestDatabase;
const opened: Postgres[] = [];
const replica = (): Postgres => {
  const sql = postgres(database.url, () => undefined);
  opened.push(sql);
  return sql;
};

beforeEach(async () => {
  database = await testDatabase();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((sql) => sql.close()));
  await database.drop();
});

const versions = async () => (await replica().query('select version from cloister_egress.migration order by version', [])).length;

test.each([1, 2, 3, 4, 5])('replicas that start together bring the ledger to its version once, all of them, try %i', async () => {
  await Promise.all(Array.from({ length: 5 }, () => migrate(replica())));
  const all = await versions();
  await migrate(replica());
  expect([all > 10, await versions()]).toEqual([true, all]);
});

test('whatever advisory locks somebody else holds in the database, a replica becomes ready', async () => {
  const other = new pg.Client(database.url);
  other.on('error', () => undefined);
  await other.connect();
  await other.query('select pg_advisory_lock(1668050793, 1701278309)'); // what replicas of versions before wait for
  await migrate(replica());
  expect(await versions()).toBeGreaterThan(10);
  await other.end();
});

test('a replica of the version before, which takes an advisory lock, and one of this version make one ledger between them', async () => {
  const [lock, old] = ['select pg_advisory_xact_lock(1668050793, 1701278309);', replica()];
  const locked = (text: string) => (text.startsWith('begin;') ? text.replace('begin;', `begin; ${lock}`) : `${lock} ${text}`);
  const asBefore = { ...old, script: (text: string) => old.script(locked(text)) };
  await Promise.all([migrate(asBefore), migrate(replica()), migrate(asBefore), migrate(replica())]);
  expect(await versions()).toBeGreaterThan(10);
});
