/** Schemas that are emptied before they are dropped, on a real Postgres, whose administrator's URL is in CLOISTER_TEST_POSTGRES_URL. */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { testPostgres } from '../testing/servers.fixture.ts';
import { slotsOf } from './logins.ts';
import { emptySchema } from './postgres-emptying.ts';
import { PostgresAdmin } from './postgres.ts';

const clerk = 'clerk_emptying_test';
const password = 'e'.repeat(64);
const acme = { name: 't_emptying', owner: 'uid-of-acme', connectionLimit: 5, statementTimeoutSeconds: 30 };
const [login] = slotsOf(acme.name);
const root = new pg.Client(testPostgres());

beforeAll(async () => {
  await root.connect();
  await root.query(`CREATE ROLE ${clerk} LOGIN CREATEROLE PASSWORD '${password}'`);
  await root.query(`CREATE DATABASE ${clerk}`);
  await root.query(`ALTER DATABASE ${clerk} OWNER TO ${clerk}`);
});
afterAll(async () => {
  await root.query(`DROP DATABASE ${clerk} WITH (FORCE)`);
  await root.query(`DROP ROLE ${clerk}`);
  await root.end();
});

// A database of its own: in the other a superuser closes the catalogs that an administrator who is none reads.
describe.each([
  ['a superuser', testPostgres()],
  ['no superuser', { ...testPostgres(), database: clerk, user: clerk, password }],
])('where the administrator is %s', (_, address) => {
  const admin = new PostgresAdmin(address);

  async function as(user: Pick<pg.ClientConfig, 'user' | 'password'>, ...statements: readonly string[]): Promise<void> {
    const client = new pg.Client({ ...address, ...user });
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  }
  const tenant = (...statements: readonly string[]) => as({ user: login, password }, ...statements);

  /** How many things are left where each is dropped by itself. */
  async function leftOneByOne(): Promise<number | null> {
    const rescue = new pg.Pool({ ...address, max: 2 });
    const client = await rescue.connect();
    try {
      await emptySchema({ client, rescue }, acme.name, 1);
      const things = `SELECT FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass AND refobjid = '${acme.name}'::regnamespace AND deptype = 'n'`;
      return (await client.query(things)).rowCount;
    } finally {
      client.release();
      await rescue.end();
    }
  }
  const roles = async () => (await root.query('SELECT FROM pg_roles WHERE rolname = ANY ($1)', [[acme.name, login]])).rowCount;

  beforeAll(() => admin.closeWalls());
  beforeEach(() => admin.ensureLogin(acme, { login, password }));
  afterEach(() => admin.dropRole(acme));
  afterAll(() => admin.close());

  // With max_connections=400, as the tests' Postgres has, there is room for about 44,000 locks. A domain takes two, with the type of its arrays.
  test.each([
    ['large objects', 'SELECT count(lo_create(0)) FROM generate_series(1, 60000)'],
    ['domains', "DO $$ BEGIN FOR n IN 1..30000 LOOP EXECUTE format('CREATE DOMAIN d%s AS int', n); END LOOP; END $$"],
  ])('a tenant that made more %s than the table of locks has room for is dropped', { timeout: 120_000 }, async (_what, statement) => {
    await tenant('SET statement_timeout = 0', statement);
    expect(await admin.dropRole(acme)).toBe(true);
    expect(await roles()).toBe(0);
  });

  test.each([
    ['a table whose identity came later', ['CREATE TABLE t ()', 'ALTER TABLE t ADD id int GENERATED ALWAYS AS IDENTITY']],
    ['a partitioned table', ['CREATE TABLE t (id int PRIMARY KEY) PARTITION BY LIST (id)', 'CREATE TABLE one PARTITION OF t DEFAULT']],
    ['a range', ['CREATE TYPE r AS RANGE (SUBTYPE = int)']],
    ['a composite type', ['CREATE TYPE c AS (id int)']],
    ['statistics', ['CREATE TABLE t (a int, b int)', 'CREATE STATISTICS s ON a, b FROM t']],
    ['an aggregate of rows', ["CREATE AGGREGATE c(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0')"]],
    [
      'an aggregate of an ordered set',
      [
        "CREATE FUNCTION f(int, anyelement) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        'CREATE AGGREGATE s(ORDER BY anyelement) (SFUNC = f, STYPE = int)',
      ],
    ],
    [
      'a function and a procedure that gives what the function takes',
      ["CREATE PROCEDURE f(OUT int) LANGUAGE sql AS 'SELECT 1'", "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'"],
    ],
    [
      'procedures of which one gives what the other takes',
      ["CREATE PROCEDURE p(OUT int) LANGUAGE sql AS 'SELECT 1'", "CREATE PROCEDURE p(int) LANGUAGE sql AS ''"],
    ],
    [
      'what names the schema',
      [
        `CREATE TABLE t (n regnamespace DEFAULT '${acme.name}'::regnamespace CHECK (n = '${acme.name}'::regnamespace))`,
        `CREATE POLICY p ON t USING (n = '${acme.name}'::regnamespace)`,
        `CREATE VIEW v AS SELECT '${acme.name}'::regnamespace`,
      ],
    ],
  ])('%s can be dropped bit by bit', async (_what, statements) => {
    await tenant(...statements);
    expect(await leftOneByOne()).toBe(0);
  });

  test('an extension in a tenant’s schema is dropped whole', async () => {
    await as({}, `CREATE EXTENSION citext SCHEMA ${acme.name}`);
    expect(await leftOneByOne()).toBe(0);
  });

  test('what somebody else made that names a tenant’s schema is dropped with it, whoever may drop it by itself', async () => {
    const somebody = { user: testPostgres().user, password: testPostgres().password };
    const few = new PostgresAdmin(address, {}, 1);
    try {
      const names = `CREATE FUNCTION emptying_test.f() RETURNS regnamespace LANGUAGE sql RETURN '${acme.name}'::regnamespace`;
      await as(somebody, 'CREATE SCHEMA emptying_test', names);
      expect(await few.dropRole(acme)).toBe(true);
      expect(await roles()).toBe(0);
    } finally {
      await few.close();
      await as(somebody, 'DROP SCHEMA emptying_test CASCADE');
    }
  });
});
