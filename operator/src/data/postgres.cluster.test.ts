/** Against a real Postgres, whose administrator's URL is in CLOISTER_TEST_POSTGRES_URL. */
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { testPostgres } from '../testing/servers.fixture.ts';
import { PostgresAdmin } from './postgres.ts';
import type { RoleWanted } from './postgres-state.ts';

const address = testPostgres();
const admin = new PostgresAdmin(address);
const root = new pg.Pool({ ...address, max: 2 });
const password = 'p'.repeat(64);
const role = (name: string): RoleWanted => ({ name, owner: `uid-of-${name}`, connectionLimit: 5, statementTimeoutSeconds: 30 });
const acme = role('t_postgres_test_a');
const bravo = role('t_postgres_test_b');

async function as<T>(name: string, work: (client: pg.Client) => Promise<T>, secret = password): Promise<T> {
  const client = new pg.Client({ ...address, user: name, password: secret });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function forget({ name }: RoleWanted): Promise<void> {
  await root.query(`DROP SCHEMA IF EXISTS ${name} CASCADE`);
  const { rowCount } = await root.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [name]);
  if (rowCount) await root.query(`DROP OWNED BY ${name} CASCADE; DROP ROLE ${name}`);
}

beforeAll(async () => {
  await admin.closeWalls();
  await forget(bravo);
  await admin.ensureRole(bravo, password);
  await as(bravo.name, (client) => client.query('CREATE TABLE secret (word text)'));
});
beforeEach(() => forget(acme));
afterAll(async () => {
  await forget(acme);
  await forget(bravo);
  await admin.close();
  await root.end();
});

test('a role that is as it should be is left alone', async () => {
  expect(await admin.ensureRole(acme, password)).toBe(true);
  expect(await admin.ensureRole(acme, password)).toBe(false);
  expect(await admin.closeWalls()).toBe(false);
});

test('no role is made for an owner who is gone, and one that is there is kept as it should be', async () => {
  const gone = () => Promise.resolve(false);
  await expect(admin.ensureRole(acme, password, gone)).rejects.toMatchObject({ code: 'owner_gone' });
  expect((await root.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [acme.name])).rowCount).toBe(0);
  await admin.ensureRole(acme, password);
  expect(await admin.ensureRole(acme, password, gone)).toBe(false);
});

test.each([
  ['another password', `ALTER ROLE ${acme.name} PASSWORD 'x'`],
  ['the right to make roles', `ALTER ROLE ${acme.name} CREATEROLE`],
  ['superuser', `ALTER ROLE ${acme.name} SUPERUSER`],
  ['no login', `ALTER ROLE ${acme.name} NOLOGIN`],
  ['more connections', `ALTER ROLE ${acme.name} CONNECTION LIMIT 500`],
  ['other settings', `ALTER ROLE ${acme.name} IN DATABASE ${address.database} RESET search_path`],
  ["another tenant's role", `GRANT ${bravo.name} TO ${acme.name}`],
  ['a schema of somebody else', `ALTER SCHEMA ${acme.name} OWNER TO ${bravo.name}`],
  ['a schema open to all', `GRANT USAGE ON SCHEMA ${acme.name} TO PUBLIC`],
  ['no schema', `DROP SCHEMA ${acme.name}`],
  ['no way into the database', `REVOKE CONNECT ON DATABASE ${address.database} FROM ${acme.name}`],
])('a role that was given %s is put right', async (_, harm) => {
  await admin.ensureRole(acme, password);
  await root.query(harm);
  expect(await admin.ensureRole(acme, password)).toBe(true);
  expect(await admin.ensureRole(acme, password)).toBe(false);
  await as(acme.name, (client) => client.query('CREATE TABLE fine (id int)'));
});

test('a password is set where the one in the Secret does not work, and stands in no statement', async () => {
  await admin.ensureRole(acme, password);
  expect(await admin.ensureRole(acme, 'q'.repeat(64))).toBe(true);
  await as(acme.name, (client) => client.query('SELECT 1'), 'q'.repeat(64));
  await expect(as(acme.name, (client) => client.query('SELECT 1'))).rejects.toThrow(/password authentication failed/);
});

describe('a tenant in Postgres', () => {
  test('works in its own schema without naming it, as node-postgres and its migrations need', async () => {
    await admin.ensureRole(acme, password);
    await as(acme.name, async (client) => {
      await client.query(
        'CREATE TABLE IF NOT EXISTS a (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz, doc jsonb, tags text[])',
      );
      await client.query('CREATE TABLE b (a bigint REFERENCES a (id) ON DELETE CASCADE)');
      await client.query('CREATE INDEX ON a USING gin (doc)');
      await client.query(`ALTER TABLE a ADD COLUMN IF NOT EXISTS kind text DEFAULT 'x'`);
      await client.query('SELECT pg_advisory_lock(1)');
      await client.query(`INSERT INTO a (doc, tags) VALUES ($1, $2) ON CONFLICT DO NOTHING`, [{ k: 1 }, ['t']]);
      await client.query('INSERT INTO b SELECT id FROM a');
      expect((await client.query('SELECT doc, tags FROM a JOIN b ON b.a = a.id')).rows).toEqual([{ doc: { k: 1 }, tags: ['t'] }]);
      expect((await client.query('SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()')).rowCount).toBe(
        2,
      );
      await client.query('DELETE FROM a');
    });
  });

  test.each([
    ["reads no other tenant's table", `SELECT * FROM ${bravo.name}.secret`],
    ["makes nothing in another tenant's schema", `CREATE TABLE ${bravo.name}.x (i int)`],
    ['makes nothing in schema public', 'CREATE TABLE public.x (i int)'],
    ['makes no schema', 'CREATE SCHEMA other'],
    ['makes no temporary table', 'CREATE TEMPORARY TABLE x (i int)'],
    ['becomes nobody else', `SET ROLE ${bravo.name}`],
    ['makes no role', 'CREATE ROLE x'],
    ['lists no roles', 'SELECT rolname FROM pg_roles'],
    ['lists no schemas', 'SELECT nspname FROM pg_namespace'],
    ['lists no tables', 'SELECT relname FROM pg_class'],
    ['sees no sessions', 'SELECT usename FROM pg_stat_activity'],
    ['ends no sessions', 'SELECT pg_terminate_backend(1) WHERE false OR pg_read_file($$/etc/passwd$$) IS NOT NULL'],
    ['reads no files', `COPY (SELECT 1) TO '/tmp/x'`],
    ['fills no disk', `SET temp_file_limit = '10TB'`],
  ])('%s', async (_, statement) => {
    await admin.ensureRole(acme, password);
    await expect(as(acme.name, (client) => client.query(statement))).rejects.toThrow(/permission denied|must be/);
  });

  test.each(['postgres', 'template1'])('cannot connect to database %s', async (database) => {
    await admin.ensureRole(acme, password);
    const client = new pg.Client({ ...address, database, user: acme.name, password });
    await expect(client.connect()).rejects.toThrow(/permission denied for database/);
  });
});

describe('what another owner has', () => {
  const successor = { ...acme, owner: 'uid-of-a-later-tenant' };

  test('is neither taken over nor dropped', async () => {
    await admin.ensureRole(acme, password);
    await as(acme.name, (client) => client.query('CREATE TABLE memories (text text)'));
    await expect(admin.ensureRole(successor, password)).rejects.toMatchObject({ code: 'data_taken' });
    await expect(admin.dropRole(successor)).rejects.toMatchObject({ code: 'data_taken' });
    await as(acme.name, (client) => client.query('SELECT * FROM memories'));
  });
});

describe('closing a role', () => {
  test('ends its sessions, lets nobody in and keeps what it holds, until it is opened again with the same password', async () => {
    await admin.ensureRole(acme, password);
    const session = new pg.Client({ ...address, user: acme.name, password });
    session.on('error', () => undefined);
    await session.connect();
    await session.query(`CREATE TABLE memories (text text); INSERT INTO memories VALUES ('kept')`);
    expect(await admin.closeRole(acme)).toBe(true);
    await expect(session.query('SELECT 1')).rejects.toThrow();
    await expect(as(acme.name, (client) => client.query('SELECT 1'))).rejects.toThrow(/not permitted to log in/);
    expect(await admin.closeRole(acme)).toBe(true);
    expect(await admin.ensureRole(acme, password)).toBe(true);
    expect((await as(acme.name, (client) => client.query('SELECT text FROM memories'))).rows).toEqual([{ text: 'kept' }]);
  });
  test('finds nothing where nothing is, and leaves alone what is another owner’s', async () => {
    expect(await admin.closeRole(acme)).toBe(false);
    await admin.ensureRole(acme, password);
    await expect(admin.closeRole({ ...acme, owner: 'uid-of-a-later-tenant' })).rejects.toMatchObject({ code: 'data_taken' });
    await as(acme.name, (client) => client.query('SELECT 1'));
  });
});

describe('dropping a role', () => {
  test('ends its sessions and leaves nothing of it', async () => {
    await admin.ensureRole(acme, password);
    const session = new pg.Client({ ...address, user: acme.name, password });
    session.on('error', () => undefined);
    await session.connect();
    await session.query('CREATE TABLE memories (text text)');
    expect(await admin.dropRole(acme)).toBe(true);
    await expect(session.query('SELECT 1')).rejects.toThrow();
    const { rowCount } = await root.query('SELECT 1 FROM pg_roles WHERE rolname = $1 UNION SELECT 1 FROM pg_namespace WHERE nspname = $1', [
      acme.name,
    ]);
    expect(rowCount).toBe(0);
  });
  test.each([
    ['the schema is gone already', `DROP SCHEMA ${acme.name} CASCADE`],
    ['the role cannot log in any more', `ALTER ROLE ${acme.name} NOLOGIN`],
    ['role and schema are gone', `DROP SCHEMA ${acme.name} CASCADE; DROP OWNED BY ${acme.name}; DROP ROLE ${acme.name}`],
  ])('works when %s', async (_, before) => {
    await admin.ensureRole(acme, password);
    await root.query(before);
    await admin.dropRole(acme);
    expect(await admin.dropRole(acme)).toBe(false);
  });
});

describe('an administrator who is no superuser', () => {
  const clerk = 'clerk_postgres_test';

  // A database of its own: in the one of the other tests a superuser has closed the catalogs that such an administrator reads.
  test('is enough', async () => {
    await root.query(`CREATE ROLE ${clerk} LOGIN CREATEROLE PASSWORD '${password}'`);
    await root.query(`CREATE DATABASE ${clerk} OWNER ${clerk}`);
    const modest = new PostgresAdmin({ ...address, database: clerk, user: clerk, password });
    try {
      await modest.closeWalls();
      expect(await modest.ensureRole(acme, password)).toBe(true);
      expect(await modest.ensureRole(acme, password)).toBe(false);
      expect(await modest.closeRole(acme)).toBe(true);
      expect(await modest.ensureRole(acme, password)).toBe(true);
      expect(await modest.dropRole(acme)).toBe(true);
    } finally {
      await modest.close();
      await root.query(`DROP DATABASE ${clerk} WITH (FORCE)`);
      await forget(acme);
      await root.query(`DROP ROLE ${clerk}`);
    }
  });
});

test('a Postgres that does not answer is named, without its password', async () => {
  const nowhere = new PostgresAdmin({ ...address, host: '127.0.0.1', port: 1, password: 'hunter2' });
  await expect(nowhere.ensureRole(acme, password)).rejects.toThrow(/Postgres at 127\.0\.0\.1:1: .*ECONNREFUSED/);
  await nowhere.close();
});
