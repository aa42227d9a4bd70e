/** Against a real Postgres, whose administrator's URL is in CLOISTER_TEST_POSTGRES_URL. */
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { inTurn, testPostgres } from '../testing/servers.fixture.ts';
import { loginsOf, slotsOf } from './logins.ts';
import { PostgresAdmin, type Login } from './postgres.ts';
import type { RoleWanted } from './postgres-state.ts';

const address = testPostgres();
const admin = new PostgresAdmin(address);
const root = new pg.Pool({ ...address, max: 2 });
const password = 'p'.repeat(64);
const first = ({ name }: RoleWanted, secret = password) => ({ login: slotsOf(name)[0], password: secret });
const second = ({ name }: RoleWanted, secret = 'q'.repeat(64)) => ({ login: slotsOf(name)[1], password: secret });
const itself = ({ name }: RoleWanted, secret = 'o'.repeat(64)) => ({ login: name, password: secret });
const role = (name: string): RoleWanted => ({ name, owner: `uid-of-${name}`, connectionLimit: 5, statementTimeoutSeconds: 30 });
const acme = role('t_postgres_test_a');
const bravo = role('t_postgres_test_b');

async function as<T>({ login, password: secret }: Login, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ ...address, user: login, password: secret });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function forget({ name }: RoleWanted): Promise<void> {
  await root.query(`DROP SCHEMA IF EXISTS ${name} CASCADE`);
  const { rows } = await root.query<{ role: string }>('SELECT quote_ident(rolname) AS role FROM pg_roles WHERE rolname = ANY ($1)', [
    [...slotsOf(name), name],
  ]);
  for (const { role: found } of rows) await root.query(inTurn(`DROP OWNED BY ${found} CASCADE; DROP ROLE ${found}`));
}

beforeAll(async () => {
  await admin.closeWalls();
  await forget(bravo);
  await admin.ensureLogin(bravo, first(bravo));
  await as(first(bravo), (client) => client.query('CREATE TABLE secret (word text)'));
});
beforeEach(() => forget(acme));
afterAll(async () => {
  await forget(acme);
  await forget(bravo);
  await admin.close();
  await root.end();
});

test('a role that is as it should be is left alone', async () => {
  expect(await admin.ensureLogin(acme, first(acme))).toBe(true);
  expect(await admin.ensureLogin(acme, first(acme))).toBe(false);
  expect(await admin.closeWalls()).toBe(false);
});

test.each([
  ['the right to make roles', `ALTER ROLE ${acme.name} CREATEROLE`],
  ['superuser', `ALTER ROLE ${acme.name} SUPERUSER`],
  ['more connections', `ALTER ROLE ${acme.name} CONNECTION LIMIT 500`],
  ['other settings', `ALTER ROLE ${acme.name} IN DATABASE ${address.database} RESET search_path`],
  ["another tenant's role", `GRANT ${bravo.name} TO ${acme.name}`],
  ['a schema of somebody else', `ALTER SCHEMA ${acme.name} OWNER TO ${bravo.name}`],
  ['a schema open to all', `GRANT USAGE ON SCHEMA ${acme.name} TO PUBLIC`],
  ['no schema', `DROP SCHEMA ${acme.name}`],
  ['no way into the database', `REVOKE CONNECT ON DATABASE ${address.database} FROM "${acme.name}$a"`],
  ['a login that is superuser', `ALTER ROLE "${acme.name}$a" SUPERUSER`],
  ['a login that inherits', `ALTER ROLE "${acme.name}$a" INHERIT`],
  ['a login that works as nobody', `ALTER ROLE "${acme.name}$a" IN DATABASE ${address.database} RESET role`],
  ["a login with another tenant's role", `GRANT ${bravo.name} TO "${acme.name}$a"`],
  ['a login that may not act for it', `REVOKE ${acme.name} FROM "${acme.name}$a"`],
  ['no login at all', `DROP OWNED BY "${acme.name}$a"; DROP ROLE "${acme.name}$a"`],
])('a role that was given %s is put right', async (_, harm) => {
  await admin.ensureLogin(acme, first(acme));
  await root.query(inTurn(harm));
  expect(await admin.ensureLogin(acme, first(acme))).toBe(true);
  expect(await admin.ensureLogin(acme, first(acme))).toBe(false);
  await as(first(acme), (client) => client.query('CREATE TABLE fine (id int)'));
});

test('a password is set where the one in the Secret does not work, and stands in no statement', async () => {
  await admin.ensureLogin(acme, first(acme));
  expect(await admin.ensureLogin(acme, first(acme, 'q'.repeat(64)))).toBe(true);
  await as(first(acme, 'q'.repeat(64)), (client) => client.query('SELECT 1'));
  await expect(as(first(acme), (client) => client.query('SELECT 1'))).rejects.toThrow(/password authentication failed/);
});

describe('a tenant in Postgres', () => {
  test('works in its own schema without naming it, as node-postgres and its migrations need', async () => {
    await admin.ensureLogin(acme, first(acme));
    await as(first(acme), async (client) => {
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
    ["becomes no other tenant's login", `SET ROLE "${bravo.name}$a"`],
    ['gives nobody its own rights', `GRANT ${acme.name} TO ${bravo.name}`],
    ['makes nothing when it acts as its login', `SET ROLE NONE; CREATE TABLE ${acme.name}.x (i int)`],
    ['reads nothing when it acts as its login', `SET ROLE NONE; SELECT * FROM ${bravo.name}.secret`],
    ['makes no role', 'CREATE ROLE x'],
    ['lists no roles', 'SELECT rolname FROM pg_roles'],
    ['lists no schemas', 'SELECT nspname FROM pg_namespace'],
    ['lists no tables', 'SELECT relname FROM pg_class'],
    ['sees no sessions', 'SELECT usename FROM pg_stat_activity'],
    ['ends no sessions', 'SELECT pg_terminate_backend(1) WHERE false OR pg_read_file($$/etc/passwd$$) IS NOT NULL'],
    ['reads no files', `COPY (SELECT 1) TO '/tmp/x'`],
    ['fills no disk', `SET temp_file_limit = '10TB'`],
  ])('%s', async (_, statement) => {
    await admin.ensureLogin(acme, first(acme));
    await expect(as(first(acme), (client) => client.query(statement))).rejects.toThrow(/permission denied|must be|must have admin/);
  });

  test.each(['postgres', 'template1'])('cannot connect to database %s', async (database) => {
    await admin.ensureLogin(acme, first(acme));
    const client = new pg.Client({ ...address, database, user: first(acme).login, password });
    await expect(client.connect()).rejects.toThrow(/permission denied for database/);
  });
});

describe('a login beside another', () => {
  test('works on the same tables, and what either makes belongs to the tenant', async () => {
    await admin.ensureLogin(acme, first(acme));
    await as(first(acme), (client) => client.query('CREATE TABLE memories (text text)'));
    await admin.ensureLogin(acme, second(acme));
    await as(second(acme), (client) => client.query(`INSERT INTO memories VALUES ('x'); ALTER TABLE memories ADD COLUMN more int`));
    await as(first(acme), (client) => client.query('SELECT more FROM memories'));
    expect([...(await admin.logins(acme.name))].sort()).toEqual([first(acme).login, second(acme).login]);
    const { rows } = await root.query('SELECT tableowner FROM pg_tables WHERE schemaname = $1', [acme.name]);
    expect(rows).toEqual([{ tableowner: acme.name }]);
  });

  test('has the same limits', async () => {
    await admin.ensureLogin(acme, first(acme));
    await admin.ensureLogin(acme, second(acme));
    for (const login of [first(acme), second(acme)]) {
      const settings = await as(login, async (client) => {
        const names = ['search_path', 'statement_timeout', 'idle_in_transaction_session_timeout', 'temp_file_limit'];
        const { rows } = await client.query<string[]>({
          text: `SELECT ${names.map((name) => `current_setting('${name}')`).join()}`,
          rowMode: 'array',
        });
        return rows[0];
      });
      expect(settings).toEqual([acme.name, '30s', '1min', '1GB']);
    }
    const { rows } = await root.query('SELECT DISTINCT rolconnlimit FROM pg_roles WHERE rolname = ANY ($1)', [slotsOf(acme.name)]);
    expect(rows).toEqual([{ rolconnlimit: 5 }]);
  });

  test('goes on when the other is ended, whose sessions end and whose password is refused', async () => {
    await admin.ensureLogin(acme, first(acme));
    await admin.ensureLogin(acme, second(acme));
    const [old, kept] = [first(acme), second(acme)].map((it) => new pg.Client({ ...address, user: it.login, password: it.password }));
    for (const client of [old, kept]) client?.on('error', () => undefined);
    await Promise.all([old?.connect(), kept?.connect()]);
    expect(await admin.sessions([first(acme).login])).toBe(1);
    await admin.retireLogins(acme.name, [first(acme).login]);
    await expect(old?.query('SELECT 1')).rejects.toThrow();
    expect((await kept?.query('SELECT current_user'))?.rows).toEqual([{ current_user: acme.name }]);
    await expect(as(first(acme), (client) => client.query('SELECT 1'))).rejects.toThrow(/password authentication failed/);
    expect(await admin.logins(acme.name)).toEqual([second(acme).login]);
    await kept?.end();
  });

  test('that was locked out when the operator died is still found, and ended then', async () => {
    await admin.ensureLogin(acme, first(acme));
    await admin.ensureLogin(acme, second(acme));
    await root.query(`ALTER ROLE "${first(acme).login}" NOLOGIN PASSWORD NULL`);
    expect(await admin.logins(acme.name)).toContain(first(acme).login);
    await admin.retireLogins(acme.name, [first(acme).login]);
    expect(await admin.logins(acme.name)).toEqual([second(acme).login]);
  });

  test('follows a role that logged in by itself', async () => {
    await admin.ensureLogin(acme, itself(acme));
    expect(await admin.ensureLogin(acme, itself(acme))).toBe(false);
    await as(itself(acme), (client) => client.query('CREATE TABLE memories (text text)'));
    await admin.ensureLogin(acme, first(acme));
    await as(itself(acme), (client) => client.query('SELECT * FROM memories'));
    await as(first(acme), (client) => client.query('SELECT * FROM memories'));
    expect([...(await admin.logins(acme.name))].sort()).toEqual([acme.name, first(acme).login]);
    await admin.retireLogins(acme.name, [acme.name]);
    await expect(as(itself(acme), (client) => client.query('SELECT 1'))).rejects.toThrow(
      /password authentication failed|not permitted to log in/,
    );
    expect(await admin.logins(acme.name)).toEqual([first(acme).login]);
    expect(await admin.ensureLogin(acme, first(acme))).toBe(false);
  });
});

describe('what another owner has', () => {
  const successor = { ...acme, owner: 'uid-of-a-later-tenant' };

  test('is neither taken over nor dropped', async () => {
    await admin.ensureLogin(acme, first(acme));
    await as(first(acme), (client) => client.query('CREATE TABLE memories (text text)'));
    await expect(admin.ensureLogin(successor, first(acme))).rejects.toMatchObject({ code: 'data_taken' });
    await expect(admin.dropRole(successor)).rejects.toMatchObject({ code: 'data_taken' });
    await as(first(acme), (client) => client.query('SELECT * FROM memories'));
  });
});

describe('closing a role', () => {
  test('ends its sessions, lets nobody in and keeps what it holds, until it is opened again with the same password', async () => {
    await admin.ensureLogin(acme, first(acme));
    const session = new pg.Client({ ...address, user: first(acme).login, password });
    session.on('error', () => undefined);
    await session.connect();
    await session.query(`CREATE TABLE memories (text text); INSERT INTO memories VALUES ('kept')`);
    expect(await admin.closeRole(acme)).toBe(true);
    await expect(session.query('SELECT 1')).rejects.toThrow();
    await expect(as(first(acme), (client) => client.query('SELECT 1'))).rejects.toThrow(/password authentication failed/);
    expect(await admin.closeRole(acme)).toBe(true);
    expect(await admin.ensureLogin(acme, first(acme))).toBe(true);
    expect((await as(first(acme), (client) => client.query('SELECT text FROM memories'))).rows).toEqual([{ text: 'kept' }]);
  });
  test('finds nothing where nothing is, and leaves alone what is another owner’s', async () => {
    expect(await admin.closeRole(acme)).toBe(false);
    await admin.ensureLogin(acme, first(acme));
    await expect(admin.closeRole({ ...acme, owner: 'uid-of-a-later-tenant' })).rejects.toMatchObject({ code: 'data_taken' });
    await as(first(acme), (client) => client.query('SELECT 1'));
  });
});

describe('dropping a role', () => {
  test('ends its sessions and leaves nothing of it', async () => {
    await admin.ensureLogin(acme, first(acme));
    const session = new pg.Client({ ...address, user: first(acme).login, password });
    session.on('error', () => undefined);
    await session.connect();
    await session.query('CREATE TABLE memories (text text)');
    expect(await admin.dropRole(acme)).toBe(true);
    await expect(session.query('SELECT 1')).rejects.toThrow();
    const { rowCount } = await root.query(
      'SELECT 1 FROM pg_roles WHERE rolname = ANY ($2) UNION SELECT 1 FROM pg_namespace WHERE nspname = $1',
      [acme.name, loginsOf(acme.name)],
    );
    expect(rowCount).toBe(0);
  });
  test.each([
    ['the schema is gone already', `DROP SCHEMA ${acme.name} CASCADE`],
    ['the login is gone already', `DROP OWNED BY "${acme.name}$a"; DROP ROLE "${acme.name}$a"`],
    ['role and schema are gone', `DROP SCHEMA ${acme.name} CASCADE; DROP OWNED BY ${acme.name}; DROP ROLE ${acme.name}`],
  ])('works when %s', async (_, before) => {
    await admin.ensureLogin(acme, first(acme));
    await root.query(inTurn(before));
    await admin.dropRole(acme);
    expect(await admin.dropRole(acme)).toBe(false);
  });
});
