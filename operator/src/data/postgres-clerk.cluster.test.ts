/** An administrator who is no superuser, on a real Postgres, whose administrator's URL is in CLOISTER_TEST_POSTGRES_URL. */
import pg from 'pg';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { inTurn, testPostgres } from '../testing/servers.fixture.ts';
import { Accounts } from './accounts.ts';
import { slotsOf } from './logins.ts';
import { PostgresAdmin } from './postgres.ts';

const root = new pg.Pool({ ...testPostgres(), max: 2 });
const [clerk, password] = ['clerk_postgres_test', 'p'.repeat(64)];
const acme = { name: 't_postgres_test_clerk', owner: 'uid-of-acme', connectionLimit: 5, statementTimeoutSeconds: 30 };
const [a, b] = slotsOf(acme.name);
const [first, second] = [
  { login: a, password },
  { login: b, password },
];

beforeEach(() => root.query(`CREATE ROLE ${clerk} LOGIN CREATEROLE PASSWORD '${password}'`));
afterEach(async () => {
  await root.query(`DROP DATABASE IF EXISTS ${clerk} WITH (FORCE)`);
  await root.query([...slotsOf(acme.name), acme.name, clerk].map((name) => `DROP ROLE IF EXISTS ${pg.escapeIdentifier(name)}`).join(';'));
});

afterAll(() => root.end());

// A database of its own: in the one of the other tests a superuser has closed the catalogs that such an administrator reads.
test('is enough', async () => {
  await root.query(`CREATE DATABASE ${clerk} OWNER ${clerk}`);
  const modest = new PostgresAdmin({ ...testPostgres(), database: clerk, user: clerk, password });
  try {
    await modest.closeWalls();
    expect(await modest.ensureLogin(acme, first)).toBe(true);
    expect(await modest.ensureLogin(acme, first)).toBe(false);
    expect(await modest.closeRole(acme)).toBe(true);
    expect(await modest.ensureLogin(acme, first)).toBe(true);
    expect(await modest.ensureLogin(acme, second)).toBe(true);
    await modest.retireLogins(acme.name, [first.login]);
    expect(await modest.logins(acme.name)).toEqual([second.login]);
    expect(await modest.dropRole(acme)).toBe(true);
  } finally {
    await modest.close();
  }
});

test('is told where the database is not its own and stays open to everybody, and by what that ends', async () => {
  await root.query(`CREATE DATABASE ${clerk}`);
  await root.query(`GRANT CREATE ON DATABASE ${clerk} TO ${clerk}`);
  const modest = new PostgresAdmin({ ...testPostgres(), database: clerk, user: clerk, password });
  try {
    const refused = await modest.closeWalls().catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'walls_open',
      message: expect.stringContaining(`in database "${clerk}" every role may do what these statements take away`) as unknown,
    });
    const [, statements = ''] = /superuser run: (.*)$/.exec(String(refused)) ?? [];
    const owner = new pg.Client({ ...testPostgres(), database: clerk });
    await owner.connect();
    await owner.query(statements);
    await owner.end();
    expect(await modest.closeWalls()).toBe(false);
    expect(await modest.ensureLogin(acme, first)).toBe(true);
  } finally {
    await modest.close();
  }
});

test('is told where the turn is another administrator’s to take, and by what that ends', async () => {
  await root.query(`CREATE DATABASE ${clerk} OWNER ${clerk}`);
  const other = new pg.Client({ ...testPostgres(), database: clerk });
  await other.connect();
  await other.query(`BEGIN; ${inTurn('COMMIT')}`);
  const modest = new PostgresAdmin({ ...testPostgres(), database: clerk, user: clerk, password });
  try {
    const refused = await modest.ensureLogin(acme, first).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'turn_closed' });
    const [, statements = ''] = /present one: (.*)$/.exec(String(refused)) ?? [];
    await other.query(statements.replaceAll('…', clerk));
    expect(await modest.ensureLogin(acme, first)).toBe(true);
  } finally {
    await Promise.all([modest.close(), other.end()]);
  }
});

test('gives nobody new a schema in a database that stays open, and takes nothing from who has one; the walls are tried once for all', async () => {
  await root.query(`CREATE DATABASE ${clerk}`);
  await root.query(`GRANT CREATE ON DATABASE ${clerk} TO ${clerk}`);
  const modestAddress = { ...testPostgres(), database: clerk, user: clerk, password };
  const modest = new PostgresAdmin(modestAddress);
  const tried = vi.spyOn(modest, 'closeWalls');
  const accounts = new Accounts(
    {
      postgres: () => Promise.resolve({ address: modestAddress, admin: modest }),
      redis: () => expect.fail('nobody asks for Redis'),
      close: () => Promise.resolve(),
    },
    60,
  );
  const ensure = () => accounts.database(acme, { tenant: 'acme', lives: () => Promise.resolve(true) }).ensure(first);
  try {
    await expect(ensure()).rejects.toMatchObject({ code: 'walls_open' });
    await modest.ensureLogin(acme, first); // as an operator did that closed no walls
    expect(await ensure()).toEqual([]);
    expect(await ensure()).toEqual([]);
    expect(tried).toHaveBeenCalledOnce();
  } finally {
    await modest.close();
  }
});
