/** Against a real Redis, whose administrator's URL is in CLOISTER_TEST_REDIS_URL. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { testRedisURL } from '../testing/servers.fixture.ts';
import { slotsOf } from './logins.ts';
import { RedisAdmin } from './redis.ts';
import { redisURLFor } from './redis-address.ts';
import { tenantCommands, type RedisUser } from './redis-rules.ts';

const url = testRedisURL();
const admin = new RedisAdmin(url);
const root = new Redis(url.href);
const user = (name: string): RedisUser => ({ name: `t_${name}`, prefix: `t:${name}:`, password: 'p'.repeat(64), commands: tenantCommands });
const acme = user('redis-test-a');
const bravo = user('redis-test-b');

async function as<T>({ name, password }: RedisUser, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(redisURLFor(url, name, password), {
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    lazyConnect: true,
    enableReadyCheck: false,
  });
  client.on('error', () => undefined);
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

beforeAll(async () => {
  await admin.ensureUser(bravo);
});
beforeEach(async () => {
  await admin.dropUser(acme);
  await admin.releasePrefix(acme.prefix);
});
afterAll(async () => {
  for (const { name, prefix } of [acme, bravo]) {
    await admin.dropUser({ name, prefix });
    await admin.releasePrefix(prefix);
  }
  admin.close();
  root.disconnect();
});

test('a user that is as it should be is left alone', async () => {
  expect(await admin.ensureUser(acme)).toBe(true);
  expect(await admin.ensureUser(acme)).toBe(false);
  expect(await admin.ensureUser(bravo)).toBe(false);
});

test.each<[string, string[]]>([
  ['more keys', ['~*']],
  ['more commands', ['+config']],
  ['another password', ['>other']],
  ['no login', ['off']],
])('a user that was given %s is put right', async (_, rules) => {
  await admin.ensureUser(acme);
  await root.call('ACL', 'SETUSER', acme.name, ...rules);
  expect(await admin.ensureUser(acme)).toBe(true);
  expect(await admin.ensureUser(acme)).toBe(false);
  await expect(as({ ...acme, password: 'other' }, (client) => client.ping())).rejects.toThrow();
  expect(await as(acme, (client) => client.ping())).toBe('PONG');
});

describe('a tenant in Redis', () => {
  test('works with its own keys, transactions and channels', async () => {
    await admin.ensureUser(acme);
    await as(acme, async (client) => {
      await client.set('t:redis-test-a:k', 'v', 'PX', 10_000, 'NX');
      expect(await client.multi().get('t:redis-test-a:k').lpush('t:redis-test-a:l', 'x').exec()).toMatchObject([
        [null, 'v'],
        [null, 1],
      ]);
      expect(await client.xadd('t:redis-test-a:s', '*', 'a', 'b')).toMatch(/-/);
      expect(await client.publish('t:redis-test-a:c', 'x')).toBe(0);
    });
  });

  test.each<[string, string, ...string[]]>([
    ["reads no other tenant's key", 'GET', 't:redis-test-b:k'],
    ["writes no other tenant's key", 'SET', 't:redis-test-b:k', 'x'],
    ["moves nothing to another tenant's key", 'RENAME', 't:redis-test-a:k', 't:redis-test-b:k'],
    ["listens to no other tenant's channel", 'SUBSCRIBE', 't:redis-test-b:c'],
    ['listens to no pattern over all', 'PSUBSCRIBE', '*'],
    ['lists no channels', 'PUBSUB', 'CHANNELS'],
    ['lists no keys', 'KEYS', '*'],
    ['scans no keys', 'SCAN', '0'],
    ['is given no random key', 'RANDOMKEY'],
    ['counts no keys', 'DBSIZE'],
    ['follows no changes of keys', 'CLIENT', 'TRACKING', 'ON', 'BCAST'],
    ['sees no other clients', 'CLIENT', 'LIST'],
    ['changes no database', 'SELECT', '1'],
    ['empties nothing', 'FLUSHALL'],
    ['runs no script', 'EVAL', 'return 1', '0'],
    ['reads no configuration', 'CONFIG', 'GET', '*'],
    ['sees no users', 'ACL', 'LIST'],
    ['sees no others in INFO', 'INFO'],
  ])('%s', async (_, command, ...args) => {
    await admin.ensureUser(acme);
    await expect(as(acme, (client) => client.call(command, ...args))).rejects.toThrow(/NOPERM/);
  });
});

test('a user that is closed is gone with its keys and sessions, and comes back with the same password', async () => {
  await admin.ensureUser(acme);
  await root.set(`${acme.prefix}k`, 'v');
  await root.set(`${bravo.prefix}k`, 'v');
  expect(await admin.closeUser(acme)).toBe(true);
  expect(await admin.closeUser(acme)).toBe(false);
  expect([await root.exists(`${acme.prefix}k`), await root.exists(`${bravo.prefix}k`)]).toEqual([0, 1]);
  await expect(as(acme, (client) => client.ping())).rejects.toThrow();
  await admin.ensureUser(acme);
  expect(await as(acme, (client) => client.ping())).toBe('PONG');
});

describe('a login beside another', () => {
  const [first, second] = slotsOf(acme.name).map((name, index) => ({ ...acme, name, password: String(index).repeat(64) }));

  test('works on the same keys, and goes on when the other is ended', async () => {
    if (!first || !second) throw new Error('there are two slots');
    await admin.ensureUser(acme); // as tenants logged in before
    await admin.ensureUser(first);
    await admin.ensureUser(second);
    expect(await admin.logins(acme.name)).toEqual([acme.name, first.name, second.name]);
    await as(first, (client) => client.set(`${acme.prefix}k`, 'v'));
    await as(second, async (kept) => {
      expect(await kept.get(`${acme.prefix}k`)).toBe('v');
      await as(first, async (old) => {
        await old.ping();
        expect(await admin.sessions([first.name])).toBeGreaterThan(0);
        await admin.retireLogins([acme.name, first.name]);
        await expect(old.ping()).rejects.toThrow();
      });
      expect(await kept.get(`${acme.prefix}k`)).toBe('v');
    });
    await expect(as(first, (client) => client.ping())).rejects.toThrow();
    await expect(as(acme, (client) => client.ping())).rejects.toThrow();
    expect(await admin.logins(acme.name)).toEqual([second.name]);
    await admin.retireLogins([first.name]); // once more changes nothing
  });
});

describe('after a tenant has gone', () => {
  test('neither its user nor a key of it is left', async () => {
    await admin.ensureUser(acme);
    await root.set(`${acme.prefix}k`, 'v');
    await root.set(`${bravo.prefix}k`, 'v');
    expect(await admin.dropUser(acme)).toBe(true);
    expect(await admin.dropUser(acme)).toBe(false);
    expect(await root.exists(`${acme.prefix}k`)).toBe(0);
    expect(await root.exists(`${bravo.prefix}k`)).toBe(1);
    await expect(as(acme, (client) => client.ping())).rejects.toThrow();
  });

  test('a tenant of the same name sees no key of it, even where nobody cleaned up', async () => {
    await admin.claimPrefix({ ...acme, owner: 'uid-1' });
    await root.set(`${acme.prefix}k`, 'v');
    expect(await admin.claimPrefix({ ...acme, owner: 'uid-1' })).toBe(false);
    expect(await root.exists(`${acme.prefix}k`)).toBe(1);
    expect(await admin.claimPrefix({ ...acme, owner: 'uid-2' })).toBe(true);
    expect(await root.exists(`${acme.prefix}k`)).toBe(0);
  });
});

describe('a Redis that has lost its keys, and whose they were, but not its users', () => {
  beforeEach(async () => {
    await admin.claimPrefix({ ...acme, owner: 'uid-1' });
    await admin.ensureUser(acme);
    await admin.releasePrefix(acme.prefix);
    await root.set(`${acme.prefix}k`, 'v');
  });

  test('keeps what the owner has written since', async () => {
    expect(await admin.claimPrefix({ ...acme, owner: 'uid-1' })).toBe(true);
    expect(await root.exists(`${acme.prefix}k`)).toBe(1);
    expect(await admin.claimPrefix({ ...acme, owner: 'uid-1' })).toBe(false);
  });

  test('keeps nothing for who comes with another password', async () => {
    expect(await admin.claimPrefix({ ...acme, password: 'another one', owner: 'uid-2' })).toBe(true);
    expect(await root.exists(`${acme.prefix}k`)).toBe(0);
  });
});

test('a Redis that does not answer is named, without its password', async () => {
  const nowhere = new RedisAdmin(new URL('redis://admin:hunter2@127.0.0.1:1'));
  await expect(nowhere.ensureUser(acme)).rejects.toThrow(/Redis at 127\.0\.0\.1:1: /);
  await expect(nowhere.ensureUser(acme)).rejects.not.toThrow(/hunter2/);
  nowhere.close();
});
