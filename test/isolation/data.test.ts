import { dataNameOf, redisPrefixOf, tenantSecrets } from '@cloister/tenancy';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reachable } from '../e2e/support/data-url.ts';
import { call } from '../e2e/support/http.ts';
import { createTenant, deleteTenant, secretValue, type LiveTenant } from '../e2e/support/tenants.ts';
import { openWorld, type World } from '../e2e/support/world.ts';

let world: World;
let one: LiveTenant;
let two: LiveTenant;

beforeAll(async () => {
  world = await openWorld();
  [one, two] = await Promise.all([createTenant(world, { name: 'data-one' }), createTenant(world, { name: 'data-two' })]);
  for (const tenant of [one, two]) {
    const answer = await call(`${tenant.url}/api/v1/tenants/${tenant.name}/chat`, {
      method: 'POST',
      key: tenant.key,
      body: { message: 'remember me' },
    });
    expect(answer.status, answer.text).toBe(200);
  }
});
afterAll(async () => {
  await Promise.all(['data-one', 'data-two'].map((name) => deleteTenant(world, name)));
});

describe("a tenant's database role", () => {
  let database: pg.Client;
  beforeAll(async () => {
    const url = await secretValue(world, one.namespace, tenantSecrets.database, 'url');
    database = new pg.Client({ connectionString: reachable(url, world) });
    database.on('error', () => undefined); // the tenant is deleted while this connection is open, and the operator ends it
    await database.connect();
  });
  afterAll(() => database.end());

  const theirs = dataNameOf('data-two');

  test('reads its own conversations', async () => {
    const { rows } = await database.query<{ n: string }>('select count(*) as n from message');
    expect(Number(rows[0]?.n)).toBeGreaterThan(0);
  });

  test.each([
    ['reading their messages', `select * from ${theirs}.message`],
    ['writing in their schema', `create table ${theirs}.mine (a int)`],
    ['becoming their role', `set role ${theirs}`],
    ['making a role', 'create role intruder login'],
    ['making a schema', 'create schema intruder'],
    ['writing in the public schema', 'create table public.intruder (a int)'],
    ['reading files of the server', "select pg_read_file('/etc/passwd')"],
    ['running programs on the server', "copy (select 1) to program 'id'"],
    ['reading password hashes', 'select * from pg_authid'],
    ['reading who else there is', 'select rolname from pg_roles'],
    ['reading what schemas there are', 'select nspname from pg_namespace'],
    ['reading what others do', 'select * from pg_stat_activity'],
  ])('is refused %s', async (_, sql) => {
    await expect(database.query(sql)).rejects.toThrow(/permission denied|must be|does not exist/);
  });

  test('finds none of their tables in the catalogue', async () => {
    const { rows } = await database.query<{ table_schema: string }>('select distinct table_schema from information_schema.tables');
    expect(rows.map((row) => row.table_schema)).not.toContain(theirs);
  });
});

describe("a tenant's Redis user", () => {
  let redis: Redis;
  beforeAll(async () => {
    const url = await secretValue(world, one.namespace, tenantSecrets.redis, 'url');
    redis = new Redis(reachable(url, world), { maxRetriesPerRequest: 1 });
    await redis.ping();
  });
  afterAll(() => redis.disconnect());

  test('reads and writes under its own prefix', async () => {
    await redis.set(`${redisPrefixOf('data-one')}x`, 'mine', 'EX', 60);
    expect(await redis.get(`${redisPrefixOf('data-one')}x`)).toBe('mine');
  });

  test.each([
    ['get', `${redisPrefixOf('data-two')}x`],
    ['set', `${redisPrefixOf('data-two')}x`, 'y'],
    ['keys', '*'],
    ['scan', '0'],
    ['randomkey'],
    ['publish', `${redisPrefixOf('data-two')}x`, 'y'],
    ['acl', 'list'],
    ['config', 'get', '*'],
    ['client', 'list'],
    ['flushall'],
    ['monitor'],
  ])('is refused %s %s', async (command, ...args) => {
    await expect(redis.call(command, ...args)).rejects.toThrow(/NOPERM/);
  });
});
