/** The rolling minute of window.ts in Redis, so that all replicas count together, by the clock of Redis. One round trip, one atomic script. */
import { Redis, type RedisOptions } from 'ioredis';
import { z } from 'zod';
import { verdictOf, windowSeconds, type RateLimiter } from './window.ts';

/** KEYS[1]: a hash of requests by second. ARGV: limit, length of the window. Answers {now, used, oldest, newest}. */
const script = `
local now = tonumber(redis.call('TIME')[1])
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local used, oldest, newest, stale = 0, now, now, {}
local found = redis.call('HGETALL', KEYS[1])
for i = 1, #found, 2 do
  local second, count = tonumber(found[i]), tonumber(found[i + 1])
  if second < now - window then
    stale[#stale + 1] = found[i]
  else
    if used == 0 then oldest, newest = second, second end
    used = used + count
    if second < oldest then oldest = second end
    if second > newest then newest = second end
  end
end
if #stale > 0 then redis.call('HDEL', KEYS[1], unpack(stale)) end
if used < limit then
  redis.call('HINCRBY', KEYS[1], now, 1)
  redis.call('EXPIRE', KEYS[1], window + 2)
end
return {now, used, oldest, newest}
`;

const answer = z.tuple([z.number(), z.number(), z.number(), z.number()]);

/** Milliseconds. Beyond this, waiting for the count costs callers more than a count per replica would. */
const patience = 250;

/** No command waits for a connection: while there is none, they fail at once and the caller falls back. */
const redisOptions = {
  enableOfflineQueue: false,
  enableReadyCheck: false, // asks INFO, which edge's Redis user may not
  disableClientInfo: true,
  maxRetriesPerRequest: 0,
  commandTimeout: patience,
  connectTimeout: 2_000,
  retryStrategy: (attempt: number) => Math.min(100 * 2 ** attempt, 5_000),
} satisfies RedisOptions;

/** Connects in the background and again after every loss. `report` hears of each failure. */
export function connectRedis(url: string, report: (error: Error) => void): Redis {
  return new Redis(url, redisOptions).on('error', report);
}

export class RedisLimiter implements RateLimiter {
  readonly #redis: Redis;
  readonly #prefix: string;
  #sha: Promise<string> | undefined;

  /** `prefix` begins every key; edge's Redis user may touch no other. */
  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  async take(key: string, limit: number) {
    const [now, used, oldest, newest] = answer.parse(await this.#run(`${this.#prefix}${key}`, String(limit)));
    return verdictOf({ now, used, oldest, newest }, limit);
  }

  /** By digest; Redis forgets scripts when it restarts, then the text is sent once more. */
  async #run(key: string, limit: string): Promise<unknown> {
    const args = [1, key, limit, windowSeconds] as const;
    try {
      return await this.#redis.evalsha(await (this.#sha ??= digest(script)), ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return this.#redis.eval(script, ...args);
    }
  }
}

const digest = async (text: string): Promise<string> =>
  Buffer.from(await crypto.subtle.digest('SHA-1', new TextEncoder().encode(text))).toString('hex');
