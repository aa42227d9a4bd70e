/** The shared count on a real Redis. Needs CLOISTER_TEST_REDIS_URL. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectRedis, RedisLimiter } from './redis-limiter.ts';

const connections: ReturnType<typeof connectRedis>[] = [];
const limiterOf = (turn: number): RedisLimiter => {
  const redis = connections[turn % connections.length];
  if (!redis) throw new Error('no connection');
  return new RedisLimiter(redis, 'edge:rl:');
};
beforeAll(async () => {
  const url = process.env['CLOISTER_TEST_REDIS_URL'];
  if (!url)
    throw new Error('CLOISTER_TEST_REDIS_URL is not set: run "make test", or point it at a Redis where keys "edge:*" may be written');
  connections.push(...Array.from({ length: 3 }, () => connectRedis(url, () => undefined)));
  await Promise.all(connections.map((redis) => new Promise((resolve) => redis.once('ready', resolve))));
});
afterAll(() => {
  for (const redis of connections) redis.disconnect();
});

test('three replicas together admit exactly the limit', async () => {
  const key = randomUUID();
  const verdicts = await Promise.all(Array.from({ length: 300 }, (_, turn) => limiterOf(turn).take(key, 100)));
  expect(verdicts.filter(({ admitted }) => admitted)).toHaveLength(100);
  expect(Math.min(...verdicts.map(({ remaining }) => remaining))).toBe(0);
});

test('a count is forgotten once its minute is over, so that tenants that are gone leave nothing behind', async () => {
  const key = randomUUID();
  await limiterOf(0).take(key, 5);
  const ttl = await connections[0]?.ttl(`edge:rl:${key}`);
  expect(ttl).toBeGreaterThan(59);
  expect(ttl).toBeLessThanOrEqual(62);
});

test('a Redis that has forgotten the script is told it again', async () => {
  await connections[0]?.script('FLUSH');
  expect((await limiterOf(0).take(randomUUID(), 5)).admitted).toBe(true);
});
