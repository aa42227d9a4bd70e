/** Needs CLOISTER_TEST_REDIS_URL. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { connectRedis } from '../../redis/followed-redis.ts';
import { redisUseStore } from './redis-use-store.ts';

const redis = connectRedis(process.env['CLOISTER_TEST_REDIS_URL'] ?? '', () => undefined, 10_000);
const store = redisUseStore((work) => work(redis), 'edge:used:');
beforeAll(() => vi.waitFor(() => expect(redis.status).toBe('ready'), 60_000));
afterAll(() => redis.disconnect());

const write = (uid: string, times: Record<string, number>) => store.write(new Map([[uid, new Map(Object.entries(times))]]));
const day = 24 * 3_600_000;

test('of two replicas that write, the later use stays, whoever comes last', async () => {
  const [uid, now] = [randomUUID(), Date.now()];
  await write(uid, { a: now - 5, b: now - 4 });
  await write(uid, { a: now - 6, b: now - 3 });
  expect(Object.fromEntries(await store.read(uid))).toEqual({ a: now - 5, b: now - 3 });
  expect(await redis.ttl(`edge:used:{${uid}}`)).toBeGreaterThan(89 * 24 * 3600);
  expect(await store.read(randomUUID())).toEqual(new Map());
});

test('a use is forgotten after 90 days, while other keys of its tenant are used', async () => {
  const [uid, now] = [randomUUID(), Date.now()];
  await write(uid, { old: now - 91 * day, younger: now - 89 * day });
  await write(uid, { used: now });
  expect([...(await store.read(uid)).keys()]).toEqual(['younger', 'used']);
});
