/** What becomes of sessions that are not answered: a line may go dead without a word to either end. Needs Postgres and Redis, as the tests beside it do. */
import pg from 'pg';
import { expect, test } from 'vitest';
import { lineTo } from '../testing/line.fixture.ts';
import { inTurn, testPostgres, testRedisURL } from '../testing/servers.fixture.ts';
import { until } from '../testing/until.fixture.ts';
import { PostgresAdmin } from './postgres.ts';
import { RedisAdmin } from './redis.ts';

const account = 't_dead_lines_test';

test('Postgres is asked on another line than the one that brought no answer', async () => {
  using line = await lineTo(testPostgres());
  const admin = new PostgresAdmin({ ...testPostgres(), host: line.host, port: line.port }, { connectMs: 3_000, queryMs: 2_000 });
  expect(await admin.logins(account)).toEqual([]);
  line.goDead();
  await expect(admin.logins(account)).rejects.toThrow('Query read timeout');
  expect(await admin.logins(account)).toEqual([]);
  expect(line.connections).toBe(2);
  await admin.close();
});

test('a change that Postgres did not answer in time holds up none that comes after it', async () => {
  const other = new pg.Client(testPostgres());
  await other.connect();
  await other.query(`BEGIN; ${inTurn('')}`);
  const [impatient, next] = [new PostgresAdmin(testPostgres(), { queryMs: 500 }), new PostgresAdmin(testPostgres(), { queryMs: 5_000 })];
  const wanted = { name: account, owner: 'uid-of-dead-lines', connectionLimit: 5, statementTimeoutSeconds: 30 };
  const login = { login: account, password: 'd'.repeat(64) };
  await expect(impatient.ensureLogin(wanted, login)).rejects.toThrow('Query read timeout');
  await other.end();
  expect(await next.ensureLogin(wanted, login)).toBe(true);
  await next.dropRole(wanted);
  await Promise.all([impatient.close(), next.close()]);
});

test('a line to Postgres that breaks under a statement fails that statement alone', async () => {
  using line = await lineTo(testPostgres());
  const other = new pg.Client(testPostgres());
  await other.connect();
  await other.query(`BEGIN; ${inTurn('')}`);
  const admin = new PostgresAdmin({ ...testPostgres(), host: line.host, port: line.port });
  const wanted = { name: account, owner: 'uid-of-dead-lines', connectionLimit: 5, statementTimeoutSeconds: 30 };
  const login = { login: account, password: 'd'.repeat(64) };
  const change = admin.ensureLogin(wanted, login).catch((error: unknown) => error);
  const waiting = "SELECT FROM pg_locks WHERE relation = 'cloister_operator.turn'::regclass AND NOT granted";
  await until('it to wait for its turn', async () => ((await other.query(waiting)).rowCount ?? 0) > 0);
  line.reset();
  expect(await change).toMatchObject({ code: 'postgres_failed' });
  await other.end();
  expect(await admin.logins(account)).toEqual([]);
  await admin.close();
});

test('Redis is asked on another line than the one that brought no answer', async () => {
  const url = testRedisURL();
  using line = await lineTo({ host: url.hostname, port: Number(url.port) });
  url.host = `${line.host}:${line.port}`;
  const admin = new RedisAdmin(url, { answerMs: 2_000 });
  expect(await admin.logins(account)).toEqual([]);
  line.goDead();
  await expect(admin.logins(account)).rejects.toThrow('Socket timeout');
  expect(await admin.logins(account)).toEqual([]);
  expect(line.connections).toBe(2);
  admin.close();
});
