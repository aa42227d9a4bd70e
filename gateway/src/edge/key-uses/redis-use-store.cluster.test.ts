/** Needs CLOISTER_TEST_REDIS_URL. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectRedis } from '../followed-redis.ts';
import { redisUseStore } from './redis-use-store.ts';

const redis = connectRedis(process.env['CLOISTER_TEST_REDIS_URL'] ?? '', () => undefined, 10_000);
const store = redisUseStore((work) => work(redis), 'edge:used:');
beforeAll(() => new Promise((resolve) => redis.once('ready', resolve)));
afterAll(() => redis.disconnect());

test('of two replicas that write, the later use stays, whoever comes last', async () => {
  const uid = randomUUID();
  const write = (times: Record<string, number>) => store.write(new Map([[uid, new Map(Object.entries(times))]]));
  await write({ a: 5, b: 1_764_000_000_123 });
  await write({ a: 4, b: 1_764_000_000_124 });
  expect(Object.fromEntries(await store.read(uid))).toEqual({ a: 5, b: 1_764_000_000_124 });
  expect(await redis.ttl(`edge:used:{${uid}}`)).toBeGreaterThan(89 * 24 * 3600);
  expect(await store.read(randomUUID())).toEqual(new Map());
});
