/**
 * Limits counted in Redis, so that all replicas count together. Each counts ahead: what it may admit without asking was counted as its own
 * before (allowance.ts), so a request waits for Redis only where a limit is not busy or nearly used up.
 *
 * Guarantees, over all replicas: never more than the limit in any minute or in progress. A request is refused only while what is left is in
 * other replicas' hands: of three, together at most two fifths of what was left when they took it, nothing where less than four are left. What
 * a replica does not use goes back when it has been idle for a second, or stops; of one that died, a minute later, places after a hold.
 *
 * Assumptions: Redis keeps its data and answers in the order of the questions.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { UseRedis } from '../../redis/followed-redis.ts';
import { runScript, script } from '../../redis/script.ts';
import type { Told } from './allowance.ts';
import { countScript } from './count-script.ts';
import { holdSeconds, type Claim, type RateLimiter, type Standing } from './limiter.ts';
import { windowSeconds } from './rolling-minute.ts';
import { TenantLimits, type Say } from './tenant-limits.ts';

/** Milliseconds between two tries whether Redis is back. */
const probeMs = 250;

export class RedisLimiter implements RateLimiter {
  readonly #use: UseRedis;
  readonly #prefix: string;
  readonly #periods: { readonly minute: number; readonly hold: number };
  readonly #replica = randomUUID();
  readonly #tenants = new Map<string, TenantLimits>();
  #messages = 0;
  /** Set while Redis does not answer. */
  #probing: NodeJS.Timeout | undefined;

  /** `prefix` begins every key; edge's Redis user may touch no other. `periods` in seconds, shorter in tests that wait for their end. */
  constructor(use: UseRedis, prefix: string, periods = { minute: windowSeconds, hold: holdSeconds }) {
    this.#use = use;
    this.#prefix = prefix;
    this.#periods = periods;
  }

  take(claim: Claim): Promise<readonly Standing[]> {
    return this.#tenantOf(claim).take(claim);
  }

  end(claim: Claim, tokens: number): void {
    this.#tenantOf(claim).end(claim, tokens);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#tenants.values()].map((tenant) => tenant.close()));
    clearInterval(this.#probing);
  }

  /** How many tenants are remembered. */
  get size(): number {
    return this.#tenants.size;
  }

  #tenantOf({ limits }: Claim): TenantLimits {
    const name = limits[0]?.key.split('}', 1)[0] ?? '';
    const tenant = this.#tenants.get(name) ?? new TenantLimits(this.#say, this.#periods.hold, () => this.#tenants.delete(name));
    this.#tenants.set(name, tenant);
    return tenant;
  }

  readonly #say: Say = async (limits, wants) => {
    if (this.#probing) throw new Error('Redis does not answer');
    const keys = limits.map(({ key }) => `${this.#prefix}${key}`);
    const args = [
      ...limits.flatMap((one) => [one.counted, one.most, one.spent, one.held, one.inHand, one.wish, one.unsure ? 1 : 0]),
      ...wants.flatMap(({ requests, of }) => [requests, of.length, ...of.map((index) => index + 1)]),
    ];
    const numbers = answer.parse(await this.#run(keys, args));
    const lasting = limits.length * numbersOfLimit;
    if (numbers.length !== lasting + wants.length)
      throw new Error(`Redis answered ${numbers.length} numbers about ${limits.length} limits and ${wants.length} groups of requests`);
    return { told: limits.map((_, index) => toldAt(numbers, index * numbersOfLimit)), admitted: numbers.slice(lasting) };
  };

  async #run(keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const { minute, hold } = this.#periods;
    const common = [this.#replica, ++this.#messages, minute, hold];
    try {
      return await this.#use((redis) => runScript(redis, count, keys, [...common, ...args]));
    } catch (error) {
      if (!isAnswer(error)) this.#probing ??= setInterval(() => void this.#probe(), probeMs).unref();
      throw error;
    }
  }

  /** Asks about nothing, since requests shall not wait to find out. That it fails is what is known already. */
  async #probe(): Promise<void> {
    const answers = await this.#run([], []).then(() => true, isAnswer);
    if (!answers) return;
    clearInterval(this.#probing);
    this.#probing = undefined;
  }
}

/** Redis is there, whatever it has to say. */
const isAnswer = (error: unknown): boolean => error instanceof Error && error.name === 'ReplyError';

const count = script(countScript);
const numbersOfLimit = 5;
const answer = z.array(z.number());

function toldAt(numbers: readonly number[], start: number): Told {
  const [base = 0, resetSeconds = 0, retrySeconds = 0, share = 0, more = 0] = numbers.slice(start, start + numbersOfLimit);
  return { base, resetSeconds, retrySeconds, share, more };
}
