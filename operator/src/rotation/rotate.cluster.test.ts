/** Every step of a rotation on a real Postgres and a real Redis, and a crash after each of them. */
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { base64, encoded } from '../child.ts';
import type { Account } from '../data/account.ts';
import { Accounts } from '../data/accounts.ts';
import { Connections } from '../data/connections.ts';
import { tenantCommands } from '../data/redis-rules.ts';
import type { Secret } from '../kinds.ts';
import { testPostgres, testRedisURL } from '../testing/servers.fixture.ts';
import { annotationsOf, credentialIn } from './credential.ts';
import { rotate, type Rotation } from './rotate.ts';

const postgres = Object.fromEntries(Object.entries(testPostgres()).map(([key, value]) => [key, base64(String(value))]));
const connections = new Connections({
  namespace: 'test',
  postgres: { name: 'postgres-admin', read: () => ({ metadata: { name: 'postgres-admin' }, data: postgres }) },
  redis: { name: 'redis-admin', read: () => ({ metadata: { name: 'redis-admin' }, data: { url: base64(testRedisURL().href) } }) },
});
// Each look of these tests counts: none is spared because of another a moment ago.
const accounts = new Accounts(connections, 0);
const name = 't_rotate_test';
const owned = { name, owner: 'uid-of-rotate-test' };
const prefix = 't:rotate-test:';

const stores: { store: string; account: Account; use: (url: string) => Promise<unknown> }[] = [
  { store: 'Postgres', account: accounts.database({ ...owned, connectionLimit: 5, statementTimeoutSeconds: 30 }), use: queryPostgres },
  { store: 'Redis', account: accounts.redis({ ...owned, prefix, commands: tenantCommands }), use: pingRedis },
];

async function queryPostgres(url: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client.query('CREATE TABLE IF NOT EXISTS memories (text text)').finally(() => client.end());
}

async function pingRedis(url: string): Promise<unknown> {
  const client = new Redis(url, { lazyConnect: true, enableReadyCheck: false, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  client.on('error', () => undefined);
  return client.get(`${prefix}k`).finally(() => client.disconnect());
}

afterAll(async () => {
  await forget();
  await connections.close();
});

async function forget(): Promise<void> {
  await accounts.dropDatabase(owned);
  await accounts.dropRedis({ name, prefix });
}

/** A Secret, and a pod that holds what stood in it when it started. */
class Holder {
  secret: Secret | undefined;
  pod: string | undefined;
  request: string | undefined;
  readonly #account: Account;

  constructor(account: Account) {
    this.#account = account;
  }

  get url(): string | undefined {
    const url = this.secret?.data?.['url'];
    return url === undefined ? undefined : Buffer.from(url, 'base64').toString();
  }

  /** One run of the operator, which may die before it writes the Secret. */
  async run({ dies = false } = {}): Promise<Rotation> {
    const rotation = await rotate({
      account: this.#account,
      current: credentialIn(this.secret, this.#account.name),
      due: { maxAgeDays: 0, holder: 'uid', request: this.request },
      now: new Date(),
      heldBy: () => Promise.resolve(this.pod === this.url || this.pod === undefined ? undefined : 'the pod'),
    });
    if (!dies) this.write(rotation);
    return rotation;
  }

  write({ credential, content }: Pick<Rotation, 'credential' | 'content'>): void {
    this.secret = { metadata: { name: 'secret', annotations: annotationsOf(credential) }, data: encoded(content) };
  }

  /** A pod that started with what stands in the Secret took the place of the one before. */
  roll(): void {
    this.pod = this.url;
  }
}

describe.each(stores)('a credential of $store', ({ account, use }) => {
  let holder: Holder;
  beforeEach(async () => {
    await forget();
    holder = new Holder(account);
    await holder.run();
    holder.roll();
  });

  test('works, and stays as long as nobody asks for another', async () => {
    const before = holder.url ?? '';
    await use(before);
    await holder.run();
    expect(holder.url).toBe(before);
    expect(await account.logins()).toHaveLength(1);
  });

  test('is replaced step by step: both work while the old one is held, and then the new one alone', async () => {
    const old = holder.url ?? '';
    holder.request = 'monday';
    expect(await holder.run()).toMatchObject({ did: 'begun' });
    expect(holder.url).not.toBe(old);
    await use(old);
    await use(holder.url ?? '');
    expect(await holder.run()).toMatchObject({ waitingFor: 'the pod' });
    await use(old);
    holder.roll();
    expect(await holder.run()).toMatchObject({ did: 'ended' });
    await expect(use(old)).rejects.toThrow();
    await use(holder.url ?? '');
    const settled = holder.url;
    expect(await holder.run()).not.toHaveProperty('did');
    expect(holder.url).toBe(settled);
    expect(holder.secret?.metadata.annotations).toMatchObject({ 'cloister.dev/made-for': 'monday' });
  });

  test('goes back and forth between two logins, however often it is replaced', async () => {
    for (const request of ['one', 'two', 'three']) {
      holder.request = request;
      await holder.run();
      holder.roll();
      await holder.run();
      await use(holder.url ?? '');
      expect(await account.logins()).toHaveLength(1);
    }
  });

  test('survives an operator that dies before it has written the new one', async () => {
    const old = holder.url ?? '';
    holder.request = 'monday';
    const lost = await holder.run({ dies: true });
    await use(old);
    expect(await holder.run()).toMatchObject({ did: 'ended' }); // nobody can hold what no Secret named
    await expect(use(lost.content['url'] ?? '')).rejects.toThrow();
    await use(old);
    expect(await holder.run()).toMatchObject({ did: 'begun' });
    await use(old);
    await use(holder.url ?? '');
  });

  test('asked for again while it is being replaced, is replaced again afterwards, and no holder is cut off', async () => {
    const old = holder.url ?? '';
    holder.request = 'monday';
    await holder.run();
    const between = holder.url ?? '';
    holder.request = 'tuesday';
    await holder.run();
    expect(holder.url).toBe(between);
    await use(old);
    holder.roll();
    await holder.run(); // the old one ends
    await holder.run(); // tuesday's begins
    expect(holder.url).not.toBe(between);
    await use(between);
    await use(holder.url ?? '');
  });

  test('whose Secret is lost gets another, beside the one that a pod still holds', async () => {
    const held = holder.url ?? '';
    holder.secret = undefined;
    await holder.run();
    await use(held);
    await use(holder.url ?? '');
    expect(await holder.run()).toMatchObject({ waitingFor: 'the pod' });
    holder.roll();
    await holder.run();
    await expect(use(held)).rejects.toThrow();
  });

  test('from before there were logins is kept, and replaced like any other', async () => {
    await forget();
    const login = { login: name, password: 'o'.repeat(64) };
    await account.ensure(login);
    const { url = '' } = await account.content(login);
    holder.secret = { metadata: { name: 'secret', creationTimestamp: '2026-01-01T00:00:00Z' }, data: { url: base64(url) } };
    holder.roll();
    await holder.run();
    expect(holder.url).toBe(url);
    expect(holder.secret.metadata.annotations).toEqual({ 'cloister.dev/made-at': '2026-01-01T00:00:00.000Z' });
    holder.request = 'monday';
    await holder.run();
    await use(url);
    await use(holder.url ?? '');
    holder.roll();
    await holder.run();
    await expect(use(url)).rejects.toThrow();
    await use(holder.url ?? '');
  });
});
