/** Tenants that work against the operator with all that Postgres lets them do, on a real one, whose administrator's URL is in CLOISTER_TEST_POSTGRES_URL. */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { testPostgres } from '../testing/servers.fixture.ts';
import { until } from '../testing/until.fixture.ts';
import { slotsOf } from './logins.ts';
import { PostgresAdmin, type Login } from './postgres.ts';
import type { PostgresAddress } from './postgres-address.ts';
import type { RoleWanted } from './postgres-state.ts';

const clerk = 'clerk_hostile_test';
const password = 'h'.repeat(64);
const role = (name: string): RoleWanted => ({ name, owner: `uid-of-${name}`, connectionLimit: 5, statementTimeoutSeconds: 30 });
const [acme, bravo] = [role('t_hostile_a'), role('t_hostile_b')];
const first = ({ name }: RoleWanted) => ({ login: slotsOf(name)[0], password });
const second = ({ name }: RoleWanted) => ({ login: slotsOf(name)[1], password });
const root = new pg.Client(testPostgres());

type Address = Omit<PostgresAddress, 'authorities'>;

beforeAll(async () => {
  await root.connect();
  await root.query(`CREATE ROLE ${clerk} LOGIN CREATEROLE CREATEDB PASSWORD '${password}'`);
  await root.query(`CREATE DATABASE ${clerk} OWNER ${clerk}`);
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
])('where the administrator is %s', (_, address: Address) => {
  const admin = new PostgresAdmin(address);
  const sessions: pg.Client[] = [];

  /** A session of a tenant that does this and stays. */
  async function session({ login, password: secret }: Login, ...statements: readonly string[]): Promise<pg.Client> {
    const client = new pg.Client({ ...address, user: login, password: secret });
    sessions.push(client.on('error', () => undefined)); // the operator ends it
    await client.connect();
    for (const statement of statements) await client.query(statement);
    return client;
  }
  async function asAdministrator(statement: string): Promise<readonly Record<string, unknown>[]> {
    const client = new pg.Client(address);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(statement)).rows;
    } finally {
      await client.end();
    }
  }
  const marks = () =>
    asAdministrator(
      `SELECT obj_description('${acme.name}'::regnamespace, 'pg_namespace') AS schema, shobj_description('${acme.name}'::regrole, 'pg_authid') AS role`,
    );
  const left = async () =>
    (await root.query('SELECT FROM pg_roles WHERE rolname = ANY ($1)', [[acme.name, ...slotsOf(acme.name)]])).rowCount;

  beforeAll(() => admin.closeWalls());
  beforeEach(async () => {
    await admin.ensureLogin(acme, first(acme));
    await admin.ensureLogin(bravo, first(bravo));
  });
  afterEach(async () => {
    await Promise.all(sessions.splice(0).map((client) => client.end()));
    await admin.dropRole(acme);
    await admin.dropRole(bravo);
  });
  afterAll(() => admin.close());

  test('whatever advisory locks a tenant holds, changes of others go on', async () => {
    await session(first(bravo), 'SELECT pg_advisory_lock(7236104415)');
    expect(await admin.ensureLogin(acme, second(acme))).toBe(true);
    expect(await admin.closeRole(acme)).toBe(true);
    expect(await admin.dropRole(acme)).toBe(true);
  });

  test('a tenant neither takes nor sees what changes take turns by', async () => {
    const client = await session(first(bravo));
    for (const statement of [
      'BEGIN; LOCK TABLE cloister_operator.turn IN ACCESS SHARE MODE',
      'ROLLBACK; SELECT FROM cloister_operator.turn',
    ])
      await expect(client.query(statement)).rejects.toThrow('permission denied for schema cloister_operator');
  });

  test('a tenant cannot mark its role as another owner’s', async () => {
    const client = await session(first(acme));
    for (const name of [acme.name, first(acme).login])
      await expect(client.query(`COMMENT ON ROLE "${name}" IS 'uid-of-somebody'`)).rejects.toThrow('permission denied');
  });

  test('a tenant that marks its schema as another owner’s gets its password replaced all the same, and the mark put right', async () => {
    await session(first(acme), `COMMENT ON SCHEMA ${acme.name} IS 'uid-of-somebody'`);
    expect(await admin.ensureLogin(acme, second(acme))).toBe(true);
    expect(await marks()).toEqual([{ schema: acme.owner, role: acme.owner }]);
  });

  test('a tenant that marks its schema as another owner’s is closed and dropped all the same', async () => {
    const client = await session(first(acme), `COMMENT ON SCHEMA ${acme.name} IS 'uid-of-somebody'`);
    expect(await admin.closeRole(acme)).toBe(true);
    await expect(client.query('SELECT 1')).rejects.toThrow();
    expect(await marks()).toEqual([{ schema: acme.owner, role: acme.owner }]);
    expect(await admin.dropRole(acme)).toBe(true);
    expect(await left()).toBe(0);
  });

  test('a schema of another role’s that bears another owner’s mark is not taken over', async () => {
    await asAdministrator(`ALTER SCHEMA ${acme.name} OWNER TO ${bravo.name}`);
    await asAdministrator(`COMMENT ON SCHEMA ${acme.name} IS 'uid-of-somebody'`);
    await expect(admin.ensureLogin(acme, second(acme))).rejects.toMatchObject({ code: 'data_taken' });
    await expect(admin.dropRole(acme)).rejects.toMatchObject({ code: 'data_taken' });
    await asAdministrator(`COMMENT ON SCHEMA ${acme.name} IS '${acme.owner}'`);
  });

  describe.each([
    ['the mark of its schema', ['SET idle_in_transaction_session_timeout = 0', 'BEGIN', `COMMENT ON SCHEMA ${acme.name} IS 'mine'`]],
    ['the rights to its schema', ['BEGIN', `GRANT USAGE ON SCHEMA ${acme.name} TO PUBLIC`]],
    ['its own password', ['SET ROLE NONE', 'BEGIN', "ALTER ROLE CURRENT_USER PASSWORD 'mine'"]],
    ['settings of its own', ['SET ROLE NONE', 'BEGIN', `ALTER ROLE CURRENT_USER IN DATABASE ${address.database} SET work_mem = '1MB'`]],
    ['a table of its own', ['CREATE TABLE held (id int)', 'BEGIN', 'LOCK TABLE held']],
  ])('a tenant that holds %s in a transaction that does not end', (_what, statements) => {
    test('is closed', { timeout: 15_000 }, async () => {
      const client = await session(first(acme), ...statements);
      expect(await admin.closeRole(acme)).toBe(true);
      await expect(client.query('SELECT 1')).rejects.toThrow();
      expect(await admin.logins(acme.name)).toEqual([]);
    });
    test('is dropped', { timeout: 15_000 }, async () => {
      await session(first(acme), ...statements);
      expect(await admin.dropRole(acme)).toBe(true);
      expect(await left()).toBe(0);
    });
  });

  test.each([
    ['the mark of its schema', `COMMENT ON SCHEMA ${acme.name} IS 'mine'`],
    ['the rights to its schema', `GRANT USAGE ON SCHEMA ${acme.name} TO PUBLIC`],
    ['its settings', `ALTER ROLE CURRENT_USER IN DATABASE ${address.database} SET work_mem = '1MB'`],
  ])('a tenant that has changed %s, and holds that, gets its password replaced', { timeout: 15_000 }, async (_what, statement) => {
    await session(first(acme), statement, 'BEGIN', statement);
    expect(await admin.ensureLogin(acme, second(acme))).toBe(true);
    await session(second(acme));
  });

  test('a tenant that is back at once, each time its sessions end, is dropped', { timeout: 15_000 }, async () => {
    const gone = new AbortController();
    const again = async () => {
      while (!gone.signal.aborted)
        await session(first(acme), 'SET ROLE NONE', 'BEGIN', "ALTER ROLE CURRENT_USER PASSWORD 'mine'", 'SELECT pg_sleep(60)').catch(
          () => undefined,
        );
    };
    const crowd = Array.from({ length: 4 }, again);
    await until('it to be there', async () => (await admin.sessions([first(acme).login])) > 0);
    const dropped = await admin.dropRole(acme).finally(() => gone.abort());
    expect([dropped, await left()]).toEqual([true, 0]);
    await Promise.all(crowd);
  });

  test.each([
    ['the mark of', (n: number) => `COMMENT ON SCHEMA ${acme.name} IS '${n}'`],
    ['the rights to', () => `GRANT USAGE ON SCHEMA ${acme.name} TO PUBLIC`],
  ])(
    'a tenant that changes %s its schema again and again, and is back at once, gets its password replaced',
    { timeout: 30_000 },
    async (_what, statement) => {
      const done = new AbortController();
      const goesOn = (client: pg.Client, n: number) =>
        client.query(statement(n)).then(
          () => !done.signal.aborted,
          (error: unknown) => /concurrently/.test(String(error)) && !done.signal.aborted,
        );
      const again = async (n: number) => {
        while (!done.signal.aborted) {
          const client = await session(first(acme)).catch(() => undefined);
          while (client && (await goesOn(client, n)));
        }
      };
      const crowd = Array.from({ length: 4 }, (_none, n) => again(n));
      try {
        await until('it to be at it', async () => (await admin.sessions([first(acme).login])) > 3);
        for (let turn = 0; turn < 20; turn++) await admin.ensureLogin(acme, { ...second(acme), password: `${password}${turn}` });
      } finally {
        done.abort();
        await Promise.all(crowd);
      }
    },
  );

  test.each([
    ['in this database', `IN DATABASE ${address.database} SET local_preload_libraries = 'none-such'`],
    ['everywhere', "SET local_preload_libraries = 'none-such'"],
  ])('a tenant whose login fails by a setting of its own, %s, gets it back', async (_where, setting) => {
    await session(first(acme), 'SET ROLE NONE', `ALTER ROLE CURRENT_USER ${setting}`);
    await expect(session(first(acme))).rejects.toThrow('none-such');
    expect(await admin.ensureLogin(acme, first(acme))).toBe(true);
    await session(first(acme));
    expect(await admin.ensureLogin(acme, first(acme))).toBe(false);
  });

  test.each([
    ['in this database', `IN DATABASE ${address.database} SET`],
    ['everywhere', 'SET'],
  ])(
    'what the administrator may not take away, %s, is put right at most once; what it may, beside that, each time',
    async (_where, set) => {
      const { login } = first(acme);
      for (const setting of ["log_statement = 'none'", "session_preload_libraries = 'plpgsql'"])
        await root.query(`ALTER ROLE "${login}" ${set} ${setting}`);
      const strict = `ALTER ROLE CURRENT_USER ${set} plpgsql.print_strict_params = on`;
      await session(first(acme), 'SET ROLE NONE', 'DO $$ BEGIN NULL; END $$', strict);
      await admin.ensureLogin(acme, first(acme));
      const fits = async () => {
        const [look] = await admin.look([acme.name]);
        return look?.fits({ wanted: acme, login: first(acme) });
      };
      const fit = await Promise.all([fits(), fits(), fits()]);
      expect([await admin.ensureLogin(acme, first(acme)), fit]).toEqual([false, [true, true, true]]);
      await session(first(acme), 'SET ROLE NONE', `ALTER ROLE CURRENT_USER ${set} local_preload_libraries = 'none-such'`);
      expect(await admin.ensureLogin(acme, first(acme))).toBe(true);
      await session(first(acme));
    },
  );

  test('what another tenant made of a tenant’s tables, and holds, keeps nobody from dropping them', { timeout: 15_000 }, async () => {
    await session(first(acme), 'CREATE TABLE shared (id int)', `GRANT USAGE ON SCHEMA ${acme.name} TO ${bravo.name}`);
    await session(first(acme), `GRANT ALL ON shared TO ${bravo.name}`);
    await session(first(bravo), `CREATE VIEW mine AS SELECT * FROM ${acme.name}.shared`, 'BEGIN', 'LOCK TABLE mine');
    expect(await admin.dropRole(acme)).toBe(true);
    expect(await left()).toBe(0);
  });

  test('what a tenant made in other databases that let everybody in goes with it', async () => {
    await root.query(`CREATE DATABASE ${clerk}_open OWNER ${clerk}`);
    try {
      const client = new pg.Client({ ...address, database: `${clerk}_open`, user: first(acme).login, password });
      await client.connect();
      await client.query('SELECT lo_create(0)');
      await client.end();
      expect(await admin.dropRole(acme)).toBe(true);
      expect(await left()).toBe(0);
    } finally {
      await root.query(`DROP DATABASE ${clerk}_open WITH (FORCE)`);
    }
  });
});
