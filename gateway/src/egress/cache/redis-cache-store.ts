/**
 * Sealed answers in Redis. Of each tenant, beside a key for each answer: `order`, a sorted set of addresses by the time in milliseconds at which
 * they expire, and `sizes`, a hash of their bytes and the `sum`. Redis forgets all of it by itself.
 */
import type { UseRedis } from '../../redis/followed-redis.ts';
import { runScript, script } from '../../redis/script.ts';
import type { CacheStore } from './cache-store.ts';

/** Bytes that an answer takes beside its own: keys, and places in `order` and `sizes`, generously. */
const besides = 512;

/** `prefix` begins every key; egress' Redis user may touch no other. */
export function redisCacheStore(use: UseRedis, prefix: string): CacheStore {
  const keyOf = (tenantUid: string, name: string) => `${prefix}{${tenantUid}}:${name}`;
  return {
    get: (tenantUid, address) => use(async (redis) => (await redis.getBuffer(keyOf(tenantUid, `a:${address}`))) ?? undefined),
    put: (tenantUid, address, value, { seconds, bytes }) =>
      use(async (redis) => {
        const keys = ['order', 'sizes'].map((name) => keyOf(tenantUid, name));
        await runScript(redis, put, keys, [keyOf(tenantUid, 'a:'), address, value, value.length + besides, seconds * 1000, bytes]);
      }),
  };
}

/**
 * In one piece, so that replicas that write at the same time keep the sum right. KEYS: order, sizes. ARGV: what begins the key of an answer,
 * its address, the answer, its bytes, milliseconds to keep it, bytes of all.
 */
const put = script(`
local order, sizes = KEYS[1], KEYS[2]
local answers, address, value = ARGV[1], ARGV[2], ARGV[3]
local size, ttl, most = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function drop(old)
  local freed = tonumber(redis.call('HGET', sizes, old)) or 0
  redis.call('UNLINK', answers .. old)
  redis.call('ZREM', order, old)
  redis.call('HDEL', sizes, old)
  return redis.call('HINCRBY', sizes, 'sum', -freed)
end

for _, old in ipairs(redis.call('ZRANGEBYSCORE', order, '-inf', now)) do drop(old) end
local sum = drop(address)
if size > most then return end
while sum + size > most do
  local oldest = redis.call('ZRANGE', order, 0, 0)[1]
  if not oldest then break end
  sum = drop(oldest)
end
redis.call('SET', answers .. address, value, 'PX', ttl)
redis.call('ZADD', order, now + ttl, address)
redis.call('HSET', sizes, address, size)
redis.call('HINCRBY', sizes, 'sum', size)
for _, key in ipairs(KEYS) do
  if redis.call('PTTL', key) < ttl then redis.call('PEXPIRE', key, ttl) end
end
`);
