/** The shared count on a real Redis. Needs CLOISTER_TEST_REDIS_URL. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { admitted, claimOf, describeLimiter, limitOf } from './limiter.specification.ts';
import { connectRedis } from '../../redis/followed-redis.ts';
import type { Limit } from './limiter.ts';
import { RedisLimiter } from './redis-limiter.ts';

const prefix = 'edge:rl:';
/** What is tested is the count; on a busy machine an answer may take longer than a caller would be made to wait. */
const patience = 10_000;
const connections: ReturnType<typeof connectRedis>[] = [];
const redis = () => {
  const [first] = connections;
  if (!first) throw new Error('no connection');
  return first;
};
const replicas = (periods?: { minute: number; hold: number }) =>
  connections.map((connection) => new RedisLimiter((work) => work(connection), prefix, periods));
const ttlOf = ({ key }: Limit) => redis().ttl(prefix + key);

beforeAll(async () => {
  const url = process.env['CLOISTER_TEST_REDIS_URL'];
  if (!url)
    throw new Error('CLOISTER_TEST_REDIS_URL is not set: run "make test", or point it at a Redis where keys "edge:*" may be written');
  connections.push(...Array.from({ length: 3 }, () => connectRedis(url, () => undefined, patience)));
  await Promise.all(connections.map((connection) => new Promise((resolve) => connection.once('ready', resolve))));
});
afterAll(() => {
  for (const connection of connections) connection.disconnect();
});

describe('three replicas together', () => {
  describeLimiter(replicas);

  test('never admit more than the limit in any window, and admit again as soon as they said', async () => {
    const [minute, most] = [2, 10];
    const limit = limitOf('requests', most);
    const times: { readonly asked: number; readonly answered: number }[] = [];
    const until = Date.now() + 7_000;
    const work = async (limiter: RedisLimiter): Promise<void> => {
      while (Date.now() < until) {
        const asked = performance.now();
        const [standing] = await limiter.take(claimOf(limit));
        if (standing?.retrySeconds === 0) times.push({ asked, answered: performance.now() });
        await sleep(5);
      }
    };
    await Promise.all(replicas({ minute, hold: 30 }).map(work));
    // Admitted between question and answer: those that surely were within one window.
    const within = (start: number) => times.filter(({ asked, answered }) => asked >= start && answered < start + minute * 1000);
    for (const { asked } of times) expect(within(asked).length).toBeLessThanOrEqual(most);
    // Buckets of a second: places come back after two seconds to three.
    expect(times.length).toBeGreaterThanOrEqual(2 * most);
  });
});

test('whoever waits as long as it was told is admitted, also where much was used at once', async () => {
  const [limiter] = replicas({ minute: 2, hold: 30 });
  const limit = limitOf('tokens', 100);
  for (const tokens of [60, 70]) {
    const claim = limiter && (await admitted(limiter, limit));
    if (claim) await limiter.end(claim, tokens);
    await sleep(1_000);
  }
  const [standing] = (await limiter?.take(claimOf(limit))) ?? [];
  expect(standing?.used).toBe(130);
  expect(standing?.retrySeconds).toBeGreaterThan(0);
  await sleep((standing?.retrySeconds ?? 0) * 1_000);
  expect(limiter && (await admitted(limiter, limit))).toBeDefined();
});

describe('the places of a replica', () => {
  test('that died are free again when nobody has held them for as long as a hold lasts', async () => {
    const [dead, alive] = replicas({ minute: 60, hold: 1 });
    if (!dead || !alive) throw new Error('no replicas');
    const limit = limitOf('concurrent', 2);
    const [held] = [await admitted(alive, limit), await admitted(dead, limit)];
    expect(await admitted(alive, limit)).toBeUndefined();
    for (let turn = 0; turn < 5; turn++) {
      await sleep(300);
      if (held) await alive.hold([held]);
    }
    expect(await admitted(alive, limit)).toBeDefined();
    expect(await admitted(alive, limit)).toBeUndefined();
  });

  test('are taken again where Redis has lost them', async () => {
    const [limiter] = replicas();
    if (!limiter) throw new Error('no replica');
    const limit = limitOf('concurrent', 1);
    const held = await admitted(limiter, limit);
    await redis().del(prefix + limit.key);
    if (held) await limiter.hold([held]);
    expect(await admitted(limiter, limit)).toBeUndefined();
  });
});

test('counts are forgotten once they are over, so that tenants and users who are gone leave nothing behind', async () => {
  const [limiter] = replicas();
  if (!limiter) throw new Error('no replica');
  const limits = [limitOf('requests', 5), limitOf('tokens', 5), limitOf('concurrent', 5)] as const;
  const claim = await admitted(limiter, ...limits);
  expect(await ttlOf(limits[2])).toBeGreaterThan(29);
  if (claim) await limiter.end(claim, 3);
  for (const limit of limits.slice(0, 2)) expect([61, 62]).toContain(await ttlOf(limit));
  expect(await ttlOf(limits[2])).toBe(-2);
});

test('a request costs one round trip, however many limits it has', async () => {
  const [limiter] = replicas();
  const monitor = await redis().duplicate({ lazyConnect: false }).monitor();
  const seen: string[] = [];
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    if (source !== 'lua' && args.some((arg) => arg.includes(limits[0]?.key ?? ' '))) seen.push(args[0] ?? '');
  });
  const limits = [limitOf('requests', 5), limitOf('tokens', 5), limitOf('concurrent', 5), limitOf('requests', 5)];
  await limiter?.take(claimOf(...limits));
  await expect.poll(() => seen.length).toBeGreaterThan(0);
  await redis().ping();
  expect(seen.map((command) => command.toLowerCase())).toEqual(['evalsha']);
  monitor.disconnect();
});

test('a Redis that has forgotten the scripts is told them again', async () => {
  const [limiter] = replicas();
  if (!limiter) throw new Error('no replica');
  const limit = limitOf('concurrent', 1);
  await redis().script('FLUSH');
  const claim = await admitted(limiter, limit);
  await redis().script('FLUSH');
  if (claim) await limiter.hold([claim]);
  await redis().script('FLUSH');
  if (claim) await limiter.end(claim, 0);
  expect(await admitted(limiter, limit)).toBeDefined();
});
