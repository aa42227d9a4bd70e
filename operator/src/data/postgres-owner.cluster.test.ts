/** Against a real Postgres, whose administrator's URL is in CLOISTER_TEST_POSTGRES_URL. */
import { expect, test } from 'vitest';
import { testPostgres } from '../testing/servers.fixture.ts';
import { slotsOf } from './logins.ts';
import { PostgresAdmin } from './postgres.ts';

const address = testPostgres();
const wanted = { name: 't_postgres_owner_test', owner: 'uid-of-owner-test', connectionLimit: 5, statementTimeoutSeconds: 30 };
const login = { login: slotsOf(wanted.name)[0], password: 'p'.repeat(64) };

test('no role is made for an owner who is gone, and one that is there is kept as it should be', async () => {
  const admin = new PostgresAdmin(address);
  const gone = () => Promise.resolve(false);
  await admin.dropRole(wanted);
  await expect(admin.ensureLogin(wanted, login, gone)).rejects.toMatchObject({ code: 'owner_gone' });
  expect(await admin.dropRole(wanted)).toBe(false);
  await admin.ensureLogin(wanted, login);
  expect(await admin.ensureLogin(wanted, login, gone)).toBe(false);
  await admin.dropRole(wanted);
  await admin.close();
});

test('a Postgres that does not answer is named, without its password', async () => {
  const nowhere = new PostgresAdmin({ ...address, host: '127.0.0.1', port: 1, password: 'hunter2' });
  await expect(nowhere.ensureLogin(wanted, login)).rejects.toThrow(/Postgres at 127\.0\.0\.1:1: .*ECONNREFUSED/);
  await nowhere.close();
});
