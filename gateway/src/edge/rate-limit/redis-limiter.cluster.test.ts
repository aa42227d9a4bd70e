/** The shared count on a real Redis. Needs CLOISTER_TEST_REDIS_URL. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Limit } from './limiter.ts';
import { admitted, claimOf, describeLimiter, limitOf } from './limiter.specification.ts';
import type { RedisLimiter } from './redis-limiter.ts';
import { prefix, redisReplicas } from './redis-replicas.fixture.ts';

const { redis, started } = redisReplicas();
const limiters = (periods?: { minute: number; hold: number }) => started(periods).map(({ limiter }) => limiter);
const one = (periods?: { minute: number; hold: number }): RedisLimiter => started(periods)[0].limiter;
const ttlOf = ({ key }: Limit) => redis().ttl(prefix + key);

describe('three replicas together', () => {
  let together: RedisLimiter[] | undefined;
  describeLimiter(() => (together ??= limiters()));

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
    await Promise.all(limiters({ minute, hold: 30 }).map(work));
    // Admitted between question and answer: those that surely were within one window.
    const within = (start: number) => times.filter(({ asked, answered }) => asked >= start && answered < start + minute * 1000);
    for (const { asked } of times) expect(within(asked).length).toBeLessThanOrEqual(most);
    // Buckets of a second: places come back after two seconds to three.
    expect(times.length).toBeGreaterThanOrEqual(2 * most);
  });
});

test('whoever waits as long as it was told is admitted, also where much was used at once', async () => {
  const limiter = one({ minute: 4, hold: 30 }); // so that what was used first still counts after two pauses, on a busy machine, too
  const limit = limitOf('tokens', 100);
  for (const tokens of [60, 70]) {
    const claim = await admitted(limiter, limit);
    if (claim) limiter.end(claim, tokens);
    await sleep(1_000);
  }
  const [standing] = await limiter.take(claimOf(limit));
  expect(standing?.used).toBe(130);
  expect(standing?.retrySeconds).toBeGreaterThan(0);
  await sleep((standing?.retrySeconds ?? 0) * 1_000);
  expect(await admitted(limiter, limit)).toBeDefined();
});

describe('the places of a replica', () => {
  test('that died are free again when nobody has held them for as long as a hold lasts; those of others are held', async () => {
    const [dead, alive, third] = started({ minute: 60, hold: 2 });
    const limit = limitOf('concurrent', 2);
    expect([await admitted(alive.limiter, limit), await admitted(dead.limiter, limit)]).not.toContain(undefined);
    dead.line = 'loses messages';
    expect(await admitted(third.limiter, limit)).toBeUndefined();
    await sleep(4_000);
    expect(await admitted(third.limiter, limit)).toBeDefined();
    expect(await admitted(third.limiter, limit)).toBeUndefined();
  });

  test('are taken again where Redis has lost them', async () => {
    const [holding, other] = started({ minute: 60, hold: 3 });
    const limit = limitOf('concurrent', 1);
    await admitted(holding.limiter, limit);
    await redis().del(prefix + limit.key);
    await sleep(1_500);
    expect(await admitted(other.limiter, limit)).toBeUndefined();
  });
});

test('counts are forgotten once they are over, so that tenants and users who are gone leave nothing behind', async () => {
  const limiter = one();
  const tenant = 'gone';
  const limits = [limitOf('requests', 5, tenant), limitOf('tokens', 5, tenant), limitOf('concurrent', 5, tenant)] as const;
  const claim = await admitted(limiter, ...limits);
  expect(await ttlOf(limits[2])).toBeGreaterThan(29);
  if (claim) limiter.end(claim, 3);
  await expect.poll(() => ttlOf(limits[2])).toBe(-2);
  for (const limit of limits.slice(0, 2)) expect([62, 63]).toContain(await ttlOf(limit));
  expect(limiter.size).toBe(1);
  await expect.poll(() => limiter.size, { timeout: 5_000 }).toBe(0);
});

test('what is counted after the clock of Redis was set back comes free again', async () => {
  const limiter = one({ minute: 2, hold: 30 });
  const limit = limitOf('tokens', 100);
  const key = prefix + limit.key;
  const spend = async (tokens: number) => {
    const claim = await admitted(limiter, limit);
    if (claim) limiter.end(claim, tokens);
  };
  await spend(10);
  await expect.poll(() => redis().hget(key, 'sum')).toBe('10');
  const second = Number(await redis().hget(key, 'first'));
  await redis().hdel(key, String(second));
  await redis().hset(key, { first: second + 60, last: second + 60, [second + 60]: 10 });
  await spend(80);
  await expect.poll(() => redis().hget(key, 'sum')).toBe('90');
  await sleep(4_000);
  expect((await limiter.take(claimOf(limit)))[0]?.used).toBe(10);
});

test('a request that has to ask costs one round trip, however many limits it has', async () => {
  const monitor = await redis().duplicate({ lazyConnect: false }).monitor();
  const seen: string[] = [];
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    if (source !== 'lua' && args.some((arg) => arg.includes(limits[0]?.key ?? ' '))) seen.push(args[0] ?? '');
  });
  const limits = (['requests', 'tokens', 'concurrent', 'requests'] as const).map((counted) => limitOf(counted, 5, 'many'));
  await one().take(claimOf(...limits));
  await expect.poll(() => seen.length, { interval: 10 }).toBeGreaterThan(0);
  await redis().ping();
  expect(seen.map((command) => command.toLowerCase())).toEqual(['evalsha']);
  monitor.disconnect();
});

test('a Redis that has forgotten the script is told it again', async () => {
  const limiter = one();
  const limit = limitOf('concurrent', 1);
  await redis().script('FLUSH');
  const claim = await admitted(limiter, limit);
  await redis().script('FLUSH');
  if (claim) limiter.end(claim, 0);
  expect(await admitted(limiter, limit)).toBeDefined();
});
