/** What every limiter keeps, wherever it counts. `replicas` are several that count together. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { isAdmitted, type Claim, type Counted, type Limit, type RateLimiter } from './limiter.ts';

/** A limit that nobody else counts, of a tenant with no other unless it is named. */
export const limitOf = (counted: Counted, most: number, tenant: string = randomUUID()): Limit => ({
  counted,
  most,
  key: `{${tenant}}:${randomUUID()}:${counted}`,
});
export const claimOf = (...limits: readonly Limit[]): Claim => ({ limits });

/** Undefined where the request was refused. */
export async function admitted(limiter: RateLimiter, ...limits: readonly Limit[]): Promise<Claim | undefined> {
  const claim = claimOf(...limits);
  return isAdmitted(await limiter.take(claim)) ? claim : undefined;
}

export function describeLimiter(replicas: () => readonly RateLimiter[]): void {
  const replica = (turn: number): RateLimiter => {
    const all = replicas();
    const one = all[turn % all.length];
    if (!one) throw new Error('no replica');
    return one;
  };
  /** That many requests at once, to one replica after the other. How to end those that were admitted. */
  const burst = async (count: number, ...limits: readonly Limit[]): Promise<((tokens: number) => void)[]> => {
    const all = await Promise.all(
      Array.from({ length: count }, async (_, turn) => {
        const claim = await admitted(replica(turn), ...limits);
        return claim && ((tokens: number) => replica(turn).end(claim, tokens));
      }),
    );
    return all.filter((end) => end !== undefined);
  };
  const end = (ends: readonly ((tokens: number) => void)[], tokens = 0) => {
    for (const one of ends) one(tokens);
  };
  const used = async (limit: Limit): Promise<number | undefined> => (await replica(0).take(claimOf({ ...limit, most: 0 })))[0]?.used;
  /** What was counted ahead and is not needed goes back within about a second. */
  const soon = { timeout: 3_000, interval: 100 };

  test('of many requests at once exactly the limit are admitted', async () => {
    const limit = limitOf('requests', 100);
    expect(await burst(300, limit)).toHaveLength(100);
    expect(await used(limit)).toBe(100);
  });

  test('of many requests at once exactly the limit are in progress, and as many again once those have ended', async () => {
    const limit = limitOf('concurrent', 20);
    for (let round = 0; round < 3; round++) {
      const claims = await burst(60, limit);
      expect(claims).toHaveLength(20);
      end(claims);
    }
    await expect.poll(() => used(limit), soon).toBe(0);
  });

  test('a request that one of its limits refuses is counted against none', async () => {
    const tenant = randomUUID();
    const ofOne = (counted: Counted, most: number) => limitOf(counted, most, tenant);
    const limits = [ofOne('requests', 10), ofOne('requests', 3), ofOne('concurrent', 10), ofOne('tokens', 10)];
    expect(await burst(9, ...limits)).toHaveLength(3);
    await expect.poll(() => Promise.all(limits.map(used)), soon).toEqual([3, 3, 3, 0]);
  });

  test('tokens are charged when requests end: those in progress may go beyond the limit, nobody after them', async () => {
    const limit = limitOf('tokens', 100);
    const inProgress = await burst(6, limit);
    expect(inProgress).toHaveLength(6);
    end(inProgress.slice(0, 3), 33);
    expect(await admitted(replica(0), limit)).toBeDefined();
    end(inProgress.slice(3), 33);
    await expect.poll(() => burst(9, limit), soon).toEqual([]);
    expect(await used(limit)).toBe(6 * 33);
  });

  test('an end that is told twice gives one place back', async () => {
    const limit = limitOf('concurrent', 2);
    const [first] = await burst(2, limit);
    if (first) end([first, first]);
    await expect.poll(() => used(limit), soon).toBe(1);
  });

  test('a limit that was lowered below what is used refuses', async () => {
    const limit = limitOf('requests', 5);
    await burst(5, limit);
    expect(await burst(1, { ...limit, most: 2 })).toEqual([]);
  });
}
