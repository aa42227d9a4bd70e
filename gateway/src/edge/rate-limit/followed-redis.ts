import { followSecretFile } from '@cloister/settings';
import type { Logger } from '@cloister/telemetry';
import type { Redis } from 'ioredis';
import { Replaceable } from '../../server/replaceable.ts';
import type { RateLimiter } from './limiter.ts';
import { connectRedis, RedisLimiter } from './redis-limiter.ts';

/**
 * The shared limiter on the Redis whose URL stands in a file. When that changes, the old connection is used until the new one stands, and
 * closed after its last command.
 */
export function followedLimiter(path: string, log: Logger, everyMs?: number): RateLimiter & { readonly close: () => void } {
  const report = ({ message }: Error) => log.warn({ reason: message }, 'Redis cannot be reached');
  let coming: Redis | undefined;
  const open = (redis: Redis) => ({ redis, limiter: new RedisLimiter(redis, 'edge:rl:') });
  const file = followSecretFile({
    setting: 'REDIS_URL_FILE',
    path,
    ...(everyMs !== undefined && { everyMs }),
    onProblem: (error) => log.warn({ reason: String(error) }, 'the Redis URL cannot be followed'),
    onChange: (url) => {
      coming?.disconnect();
      const next = connectRedis(url, report);
      coming = next;
      next.once('ready', () => {
        if (coming !== next) return;
        coming = undefined;
        connections.replace(open(next));
        log.info({}, 'Redis is used with its new credential');
      });
    },
  });
  const connections = new Replaceable(open(connectRedis(file.text, report)), ({ redis }) => redis.disconnect());
  return {
    take: (claim) => connections.use(({ limiter }) => limiter.take(claim)),
    hold: (claims) => connections.use(({ limiter }) => limiter.hold(claims)),
    end: (claim, tokens) => connections.use(({ limiter }) => limiter.end(claim, tokens)),
    close: () => {
      file.stop();
      coming?.disconnect();
      connections.current.redis.disconnect();
    },
  };
}
