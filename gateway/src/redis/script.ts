/** Scripts that Redis runs in one piece. */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

export interface Script {
  readonly text: string;
  readonly digest: string;
}

export const script = (text: string): Script => ({ text, digest: createHash('sha1').update(text).digest('hex') });

/** By digest; Redis forgets scripts when it restarts, then the text is sent once more. */
export async function runScript(
  redis: Redis,
  { text, digest }: Script,
  keys: readonly string[],
  args: readonly (string | number | Buffer)[],
): Promise<unknown> {
  try {
    return await redis.evalsha(digest, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return redis.eval(text, keys.length, ...keys, ...args);
  }
}
