/** Limits counted in Redis, so that all replicas count together. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { UseRedis } from '../followed-redis.ts';
import { holdSeconds, type Claim, type RateLimiter, type Standing } from './limiter.ts';
import { endScript, holdScript, takeScript } from './redis-scripts.ts';
import { windowSeconds } from './rolling-minute.ts';

export class RedisLimiter implements RateLimiter {
  readonly #use: UseRedis;
  readonly #prefix: string;
  readonly #periods: { readonly minute: number; readonly hold: number };

  /** `prefix` begins every key; edge's Redis user may touch no other. `periods` in seconds, shorter in tests that wait for their end. */
  constructor(use: UseRedis, prefix: string, periods = { minute: windowSeconds, hold: holdSeconds }) {
    this.#use = use;
    this.#prefix = prefix;
    this.#periods = periods;
  }

  async take({ id, limits }: Claim): Promise<readonly Standing[]> {
    const { minute, hold } = this.#periods;
    const args = limits.flatMap(({ counted, most }) => [counted, most]);
    const numbers = answer.parse(await this.#run(scripts.take, limits, [id, minute, hold, ...args]));
    if (numbers.length !== limits.length * 3) throw new Error(`Redis answered ${numbers.length} numbers about ${limits.length} limits`);
    return limits.map((_, index) => standingAt(numbers, index * 3));
  }

  async hold(claims: readonly Claim[]): Promise<void> {
    const held = claims.map(async ({ id, limits }) => {
      const concurrent = limits.filter(({ counted }) => counted === 'concurrent');
      if (concurrent.length > 0) await this.#run(scripts.hold, concurrent, [id, this.#periods.hold]);
    });
    await Promise.all(held);
  }

  async end({ id, limits }: Claim, tokens: number): Promise<void> {
    const ending = limits.filter(({ counted }) => counted === 'concurrent' || (counted === 'tokens' && tokens > 0));
    if (ending.length === 0) return;
    await this.#run(scripts.end, ending, [id, this.#periods.minute, tokens, ...ending.map(({ counted }) => counted)]);
  }

  /** By digest; Redis forgets scripts when it restarts, then the text is sent once more. */
  async #run({ text, digest }: Script, limits: Claim['limits'], args: readonly (string | number)[]): Promise<unknown> {
    const keys = limits.map(({ key }) => `${this.#prefix}${key}`);
    return this.#use(async (redis) => {
      try {
        return await redis.evalsha(digest, keys.length, ...keys, ...args);
      } catch (error) {
        if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
        return redis.eval(text, keys.length, ...keys, ...args);
      }
    });
  }
}

/** Three numbers for each limit. */
const answer = z.array(z.number());

interface Script {
  readonly text: string;
  readonly digest: string;
}

const script = (text: string): Script => ({ text, digest: createHash('sha1').update(text).digest('hex') });
const scripts = { take: script(takeScript), hold: script(holdScript), end: script(endScript) };

const standingAt = (numbers: readonly number[], start: number): Standing => {
  const [used = 0, resetSeconds = 0, retrySeconds = 0] = numbers.slice(start, start + 3);
  return { used, resetSeconds, retrySeconds };
};
