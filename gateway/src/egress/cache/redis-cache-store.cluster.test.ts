/** On a real Redis. Needs CLOISTER_TEST_REDIS_URL. */
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { connectRedis } from '../../redis/followed-redis.ts';
import { describeCacheStore } from './cache-store.specification.ts';
import { redisCacheStore } from './redis-cache-store.ts';

const url = process.env['CLOISTER_TEST_REDIS_URL'] ?? '';
const login = `egress_test_${randomUUID().slice(0, 8)}`;
const asAdmin = connectRedis(url, () => undefined, 10_000);
const urlOf = (user: string) => Object.assign(new URL(url), { username: user, password: 'secret' }).href;
/** As egress may: its own keys alone. */
let redis: ReturnType<typeof connectRedis>;
const stored = () => redisCacheStore((work) => work(redis), 'egress:cache:');

beforeAll(async () => {
  await vi.waitFor(() => expect(asAdmin.status).toBe('ready'), 60_000);
  await asAdmin.call('ACL', 'SETUSER', login, 'reset', 'on', '>secret', '~egress:*', '+@all', '-@admin', '-@dangerous');
  redis = connectRedis(urlOf(login), () => undefined, 10_000);
  await vi.waitFor(() => expect(redis.status).toBe('ready'), 60_000);
});
afterAll(async () => {
  await asAdmin.call('ACL', 'DELUSER', login);
  redis.disconnect();
  asAdmin.disconnect();
});

const keysOf = (uid: string) => asAdmin.keys(`egress:cache:{${uid}}:*`);

describe('answers in Redis', () => {
  describeCacheStore(() => [stored(), stored()]);

  test('are forgotten when their time is up, and all that was noted of them', async () => {
    const uid = randomUUID();
    await stored().put(uid, 'a', randomBytes(100), { seconds: 1, bytes: 10_000 });
    expect(await keysOf(uid)).toHaveLength(3);
    await vi.waitFor(async () => expect(await keysOf(uid)).toEqual([]), { timeout: 10_000, interval: 200 });
  });

  test('take no room any more when their time is up', async () => {
    const uid = randomUUID();
    await stored().put(uid, 'long', randomBytes(100), { seconds: 60, bytes: 100_000 });
    for (let turn = 0; turn < 4; turn++) await stored().put(uid, `a${turn}`, randomBytes(20_000), { seconds: 1, bytes: 100_000 });
    await sleep(1_100);
    for (let turn = 0; turn < 4; turn++) await stored().put(uid, `b${turn}`, randomBytes(20_000), { seconds: 60, bytes: 100_000 });
    expect(await stored().get(uid, 'long')).toBeDefined();
  });

  test('of which replicas write many at once never are more than the tenant may have, as Redis itself counts them', async () => {
    const uid = randomUUID();
    const most = 300_000;
    const write = async (writer: number) => {
      for (let turn = 0; turn < 40; turn++)
        await stored().put(uid, `${writer}-${turn % 25}`, randomBytes(1000 + 200 * writer), { seconds: 60, bytes: most });
    };
    await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)));
    const keys = await keysOf(uid);
    const taken = await Promise.all(keys.map(async (key) => Number(await asAdmin.memory('USAGE', key, 'SAMPLES', 0))));
    const all = taken.reduce((sum, bytes) => sum + bytes, 0);
    expect(all).toBeLessThanOrEqual(most);
    expect(all, 'and most of the room is used').toBeGreaterThan(most / 2);
    const sizes = await asAdmin.hgetall(`egress:cache:{${uid}}:sizes`);
    const { sum, ...each } = sizes;
    expect(Object.values(each).reduce((total, size) => total + Number(size), 0)).toBe(Number(sum));
    expect(Object.keys(each)).toHaveLength(keys.length - 2);
  });
});
