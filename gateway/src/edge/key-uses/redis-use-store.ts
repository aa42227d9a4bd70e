import type { UseRedis } from '../../redis/followed-redis.ts';
import type { UseStore } from './use-store.ts';

/** Seconds after the last use of a key: a quarter. */
const keptFor = 90 * 24 * 3600;

/** A sorted set for each tenant, of its keys by time. Of two replicas that write, the later use stays. */
export function redisUseStore(use: UseRedis, prefix: string): UseStore {
  const key = (uid: string) => `${prefix}{${uid}}`;
  return {
    write: (uses) =>
      use(async (redis) => {
        const commands = [...uses].flatMap(([uid, times]) => [
          redis.zadd(key(uid), 'GT', ...[...times].flatMap(([keyId, time]) => [String(time), keyId])),
          redis.zremrangebyscore(key(uid), '-inf', Date.now() - keptFor * 1000),
          redis.expire(key(uid), keptFor),
        ]);
        await Promise.all(commands);
      }),
    read: (uid) =>
      use(async (redis) => {
        const found = await redis.zrange(key(uid), '0', '-1', 'WITHSCORES');
        const times = new Map<string, number>();
        for (let at = 0; at < found.length; at += 2) times.set(found[at] ?? '', Number(found[at + 1]));
        return times;
      }),
  };
}
