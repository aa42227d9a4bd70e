import { followSecretFile } from '@cloister/settings';
import type { Logger } from '@cloister/telemetry';
import { Redis, type RedisOptions } from 'ioredis';
import { Replaceable } from '../server/replaceable.ts';

/** Milliseconds. Beyond this, waiting for Redis costs callers more than going on without it. */
const defaultPatience = 250;

/** No command waits for a connection: while there is none, they fail at once and the caller falls back. */
const redisOptions = {
  enableOfflineQueue: false,
  enableReadyCheck: false, // asks INFO, which edge's Redis user may not
  disableClientInfo: true,
  maxRetriesPerRequest: 0,
  connectTimeout: 2_000,
  retryStrategy: (attempt: number) => Math.min(100 * 2 ** attempt, 5_000),
} satisfies RedisOptions;

/** Sends together what was asked in one turn of the event loop: a write to a socket costs more than making the command that is written. */
class RedisInTurns extends Redis {
  #gathering = false;

  override sendCommand(...what: Parameters<Redis['sendCommand']>): unknown {
    if (!this.#gathering && this.status === 'ready') this.#gather();
    return super.sendCommand(...what);
  }

  #gather(): void {
    const { stream } = this;
    this.#gathering = true;
    stream.cork();
    setImmediate(() => {
      this.#gathering = false;
      stream.uncork();
    });
  }
}

/** Connects in the background and again after every loss. `report` hears of each failure. A command fails after `patience` milliseconds. */
export function connectRedis(url: string, report: (error: Error) => void, patience = defaultPatience): Redis {
  return new RedisInTurns(url, { ...redisOptions, commandTimeout: patience }).on('error', report);
}

/** Gives Redis to some work, which ends on the connection with which it began. */
export type UseRedis = <T>(work: (redis: Redis) => Promise<T>) => Promise<T>;

export interface FollowedRedis {
  readonly use: UseRedis;
  readonly close: () => void;
}

/**
 * The Redis whose URL stands in a file. When that changes, the old connection is used until the new one stands, and closed after its last
 * command.
 */
export function followedRedis(path: string, log: Logger, everyMs?: number): FollowedRedis {
  const report = ({ message }: Error) => log.warn({ reason: message }, 'Redis cannot be reached');
  let coming: Redis | undefined;
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
        connections.replace(next);
        log.info({}, 'Redis is used with its new credential');
      });
    },
  });
  const connections = new Replaceable(connectRedis(file.text, report), (redis) => redis.disconnect());
  return {
    use: (work) => connections.use(work),
    close: () => {
      file.stop();
      coming?.disconnect();
      connections.current.disconnect();
    },
  };
}
