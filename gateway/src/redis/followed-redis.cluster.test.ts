/** Needs CLOISTER_TEST_REDIS_URL. */
import { createLogger } from '@cloister/telemetry';
import { Redis } from 'ioredis';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { followedRedis } from './followed-redis.ts';
import { admitted, claimOf, limitOf } from '../edge/rate-limit/limiter.specification.ts';
import { RedisLimiter } from '../edge/rate-limit/redis-limiter.ts';

const log = createLogger({ name: 'test', destination: { write: () => undefined } });
const adminURL = process.env['CLOISTER_TEST_REDIS_URL'] ?? '';
const logins = ['edge_test$a', 'edge_test$b'];
let admin: Redis;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edge-'));
  admin = new Redis(adminURL);
  for (const login of logins)
    await admin.call('ACL', 'SETUSER', login, 'reset', 'on', '>secret', '~edge:*', '+@all', '-@admin', '-@dangerous');
});
afterAll(async () => {
  await admin.call('ACL', 'DELUSER', ...logins);
  admin.disconnect();
  await rm(folder, { recursive: true });
});

const urlOf = (login: string): string => {
  const url = new URL(adminURL);
  [url.username, url.password] = [encodeURIComponent(login), 'secret'];
  return url.href;
};
const connectionsOf = async (login: string): Promise<number> =>
  String(await admin.client('LIST'))
    .split('\n')
    .filter((line) => line.includes(` user=${login} `)).length;

test('a credential that is replaced while requests are counted loses none of them, and leaves no connection of the old one', async () => {
  const [first = '', second = ''] = logins;
  const path = join(folder, 'url');
  await writeFile(path, urlOf(first));
  const redis = followedRedis(path, log, 20);
  const limiter = new RedisLimiter(redis.use, 'edge:limits:');
  const limit = limitOf('requests', 1_000_000);
  await expect
    .poll(() =>
      admitted(limiter, limitOf('requests', 5)).then(
        (claim) => claim !== undefined,
        () => false,
      ),
    )
    .toBe(true);
  let working = true;
  let counted = 0;
  const worker = async (): Promise<void> => {
    while (working) {
      await limiter.take(claimOf(limit));
      counted++;
    }
  };
  const workers = Array.from({ length: 10 }, worker);
  await writeFile(path, urlOf(second));
  await expect.poll(() => connectionsOf(first), { timeout: 5_000 }).toBe(0);
  working = false;
  await Promise.all(workers);
  expect(await connectionsOf(second)).toBe(1);
  expect((await limiter.take(claimOf(limit)))[0]?.used).toBe(counted);
  redis.close();
});
