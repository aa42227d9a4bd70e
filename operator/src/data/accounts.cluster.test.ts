/** Against a real Postgres and a real Redis: what of accounts is seen, believed and told. */
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { base64 } from '../child.ts';
import { inTurn, testPostgres, testRedisURL } from '../testing/servers.fixture.ts';
import { until } from '../testing/until.fixture.ts';
import { Accounts, type Holder } from './accounts.ts';
import { Connections } from './connections.ts';
import { slotsOf } from './logins.ts';
import { tenantCommands } from './redis-rules.ts';

const name = 't_accounts_test';
const prefix = 't:accounts-test:';
const owned = { name, owner: 'uid-of-accounts-test' };
const wanted = { ...owned, connectionLimit: 5, statementTimeoutSeconds: 30 };
const wantedOfRedis = { ...owned, prefix, commands: tenantCommands };
const [first, second] = slotsOf(name);
const login = { login: first, password: 'p'.repeat(64) };

const address = testPostgres();
const root = new pg.Pool({ ...address, max: 2 });
const redis = new Redis(testRedisURL().href);
const secret = (data: Record<string, string | number>) => ({
  metadata: { name: 'admin' },
  data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(String(value))])),
});
const connections = new Connections({
  namespace: 'system',
  postgres: { name: 'admin', read: () => secret({ ...address }) },
  redis: { name: 'admin', read: () => secret({ url: testRedisURL().href }) },
});

const seconds = 1;
let told: string[];
let lives: boolean;
let asked: number;
const holder: Holder = {
  tenant: 'acme',
  lives: () => {
    asked++;
    return Promise.resolve(lives);
  },
};
let accounts = new Accounts(connections, seconds);

beforeEach(async () => {
  await forget();
  [told, lives, asked] = [[], true, 0];
  accounts = new Accounts(connections, seconds);
  accounts.onDrift((tenant) => told.push(tenant));
});
afterAll(async () => {
  await forget();
  await connections.close();
  await root.end();
  redis.disconnect();
});

async function forget(): Promise<void> {
  accounts.stop();
  await accounts.dropRedis({ name, prefix });
  await root.query(`DROP SCHEMA IF EXISTS ${name} CASCADE`);
  const { rows } = await root.query<{ role: string }>('SELECT quote_ident(rolname) AS role FROM pg_roles WHERE rolname = ANY ($1)', [
    [first, second, name],
  ]);
  for (const { role } of rows) await root.query(inTurn(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`));
}

const bringAbout = async (): Promise<void> => {
  await accounts.database(wanted, holder).ensure(login);
  await accounts.redis(wantedOfRedis, holder).ensure(login);
};
const quoted = pg.escapeIdentifier(first);

describe('what somebody changes is told within the period, and put right by the next look', () => {
  test.each([
    ['a password in Postgres', () => root.query(`ALTER ROLE ${quoted} PASSWORD 'known'`)],
    ['a limit', () => root.query(`ALTER ROLE ${quoted} CONNECTION LIMIT 100`)],
    ['a setting', () => root.query(`ALTER ROLE ${quoted} IN DATABASE ${pg.escapeIdentifier(address.database)} SET statement_timeout = 0`)],
    ['a role that got more rights', () => root.query(`ALTER ROLE ${name} CREATEDB`)],
    ['a login that is gone', () => root.query(inTurn(`DROP OWNED BY ${quoted}; DROP ROLE ${quoted}`))],
    ['a schema that is gone', () => root.query(`DROP SCHEMA ${name} CASCADE`)],
    ['a password in Redis', () => redis.call('ACL', 'SETUSER', first, '>known')],
    ['more keys in Redis', () => redis.call('ACL', 'SETUSER', first, 'allkeys')],
    ['a user in Redis that is gone', () => redis.call('ACL', 'DELUSER', first)],
    ['keys that are another’s', () => redis.set(`cloister:owner:${prefix}`, 'uid-of-another')],
  ])('%s', async (_, change) => {
    await bringAbout();
    accounts.start();
    const before = await digests();
    await change();
    expect(await digests()).not.toEqual(before);
    await until('the tenant to be told', () => Promise.resolve(told.includes('acme')));
    await bringAbout();
    await until('it to be as it was', async () => (await fits()).every(Boolean));
    expect(await accounts.database(wanted, holder).logins()).toEqual([first]);
  });

  test('another login of the account, which is told until it is ended', async () => {
    await bringAbout();
    accounts.start();
    await root.query(`CREATE ROLE ${pg.escapeIdentifier(second)} LOGIN`);
    await until('the tenant to be told', () => Promise.resolve(told.includes('acme')));
    expect(await accounts.database(wanted, holder).ensure(login)).toEqual([second]);
    await accounts.database(wanted, holder).retire([second]);
    expect(await accounts.database(wanted, holder).ensure(login)).toEqual([]);
  });

  test('an account that was closed and that somebody opens', async () => {
    await bringAbout();
    await accounts.closeDatabase(owned, 'acme');
    await accounts.closeRedis({ name, prefix }, 'acme');
    accounts.start();
    await root.query(`ALTER ROLE ${name} LOGIN`);
    await until('the tenant to be told', () => Promise.resolve(told.includes('acme')));
    await accounts.closeDatabase(owned, 'acme');
    expect(await accounts.database(wanted, holder).logins()).toEqual([]);
  });
});

async function looks() {
  const [inPostgres] = await (await connections.postgres()).admin.look([name]);
  const [inRedis] = await connections.redis().admin.look([{ name, prefix }]);
  if (!inPostgres || !inRedis) throw new Error('each account has a look');
  return { inPostgres, inRedis };
}
const digests = async () => looks().then(({ inPostgres, inRedis }) => [inPostgres.digest, inRedis.digest]);
const fits = async () => {
  const { inPostgres, inRedis } = await looks();
  return Promise.all([inPostgres.fits({ wanted, login }), inRedis.fits({ ...wantedOfRedis, name: login.login, password: login.password })]);
};

test('what nobody changes is told to nobody, and nothing is asked or made for it', async () => {
  await bringAbout();
  accounts.start();
  const before = asked;
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  await bringAbout();
  expect(told).toEqual([]);
  expect(asked).toBe(before);
});

test('nothing is made for an owner who is gone, and what is in order is left alone', async () => {
  lives = false;
  await expect(accounts.database(wanted, holder).ensure(login)).rejects.toMatchObject({ code: 'owner_gone' });
  await expect(accounts.redis(wantedOfRedis, holder).ensure(login)).rejects.toMatchObject({ code: 'owner_gone' });
  expect(await accounts.dropDatabase(owned)).toBe(false);
  lives = true;
  await bringAbout();
  lives = false;
  accounts.lookAgain(name);
  await bringAbout();
});

test('many accounts are looked at together, and what is found is told apart', async () => {
  await bringAbout();
  const { admin } = await connections.postgres();
  const others = Array.from({ length: 99 }, (_, index) => `t_nobody_${index}`);
  const found = await admin.look([...others, name]);
  expect(found).toHaveLength(100);
  expect(found.map(({ logins }) => logins.length)).toEqual([...others.map(() => 0), 1]);
});

test('servers that do not answer are named, without their passwords', async () => {
  const nowhere = new Connections({
    namespace: 'system',
    postgres: { name: 'admin', read: () => secret({ ...address, host: '127.0.0.1', port: 1, password: 'hunter2' }) },
    redis: { name: 'admin', read: () => secret({ url: 'redis://default:hunter2@127.0.0.1:1' }) },
  });
  const away = new Accounts(nowhere, seconds);
  await expect(away.database(wanted, holder).ensure(login)).rejects.toThrow(/^Postgres at 127\.0\.0\.1:1: .*ECONNREFUSED/);
  await expect(away.redis(wantedOfRedis, holder).ensure(login)).rejects.toThrow(/^Redis at 127\.0\.0\.1:1: .*ECONNREFUSED/);
  await nowhere.close();
});
