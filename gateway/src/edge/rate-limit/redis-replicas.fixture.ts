/** Replicas that count together on a real Redis. Needs CLOISTER_TEST_REDIS_URL. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll } from 'vitest';
import { connectRedis, type UseRedis } from '../../redis/followed-redis.ts';
import { RedisLimiter } from './redis-limiter.ts';

export const prefix = 'edge:limits:';
/** What is tested is the count; on a busy machine an answer may take longer than a caller would be made to wait. */
const patience = 10_000;

/** What happens to what a replica says: it arrives; it is lost; its answer is lost; it arrives after the replica has given it up; it is lost, which
 * takes a while to find out. */
export type Line = 'whole' | 'loses messages' | 'loses answers' | 'is late' | 'is silent';
/** Milliseconds. */
const [late, silence] = [600, 250];

export interface Replica {
  readonly limiter: RedisLimiter;
  /** How many messages it has sent, whatever became of them. */
  messages: number;
  line: Line;
}

/** Three connections for all tests of a file. */
export function redisReplicas() {
  const connections: ReturnType<typeof connectRedis>[] = [];
  const limiters: RedisLimiter[] = [];
  const redis = () => {
    const [first] = connections;
    if (!first) throw new Error('no connection');
    return first;
  };
  beforeAll(async () => {
    const url = process.env['CLOISTER_TEST_REDIS_URL'];
    if (!url)
      throw new Error('CLOISTER_TEST_REDIS_URL is not set: run "make test", or point it at a Redis where keys "edge:*" may be written');
    connections.push(...Array.from({ length: 3 }, () => connectRedis(url, () => undefined, patience)));
    await Promise.all(connections.map((connection) => new Promise((resolve) => connection.once('ready', resolve))));
  });
  afterAll(async () => {
    await Promise.all(limiters.map((limiter) => limiter.close()));
    for (const connection of connections) connection.disconnect();
  });

  /** One on each connection. */
  const started = (periods?: { readonly minute: number; readonly hold: number }): [Replica, Replica, Replica] => {
    const start = (at: number): Replica => {
      const use: UseRedis = async (work) => {
        const connection = connections[at];
        if (!connection) throw new Error('no connection');
        replica.messages++;
        if (replica.line === 'is silent') await sleep(silence);
        if (replica.line === 'loses messages' || replica.line === 'is silent') throw new Error('lost on the way');
        if (replica.line === 'is late') {
          setTimeout(() => void work(connection).catch(() => undefined), late); // nobody waits for it any more
          throw new Error('not there yet');
        }
        const answer = await work(connection);
        if (replica.line === 'loses answers') throw new Error('lost on the way back');
        return answer;
      };
      const replica: Replica = { limiter: new RedisLimiter(use, prefix, periods), messages: 0, line: 'whole' };
      limiters.push(replica.limiter);
      return replica;
    };
    return [start(0), start(1), start(2)];
  };
  return { redis, started };
}
