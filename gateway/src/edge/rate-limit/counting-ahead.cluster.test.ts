/** What replicas count ahead, on a real Redis. Needs CLOISTER_TEST_REDIS_URL. */
import fc from 'fast-check';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Claim, Limit } from './limiter.ts';
import { admitted, claimOf, limitOf } from './limiter.specification.ts';
import { redisReplicas, type Line, type Replica } from './redis-replicas.fixture.ts';

const { started } = redisReplicas();
/** Longer than anything that is not used stays in hand. */
const untilGivenBack = 2_000;

/** One after the other. How many were admitted. */
async function inTurn(count: number, { limiter }: Replica, ...limits: readonly Limit[]): Promise<number> {
  let served = 0;
  for (let turn = 0; turn < count; turn++) if (await admitted(limiter, ...limits)) served++;
  return served;
}

/** The same for requests that come at once. */
async function atOnce(count: number, { limiter }: Replica, ...limits: readonly Limit[]): Promise<number> {
  const claims = await Promise.all(Array.from({ length: count }, () => admitted(limiter, ...limits)));
  return claims.filter((claim) => claim !== undefined).length;
}

describe('a busy limit', () => {
  test('is admitted from what is in hand: hundreds of requests cost a few messages', async () => {
    const [busy] = started();
    const limits = (['requests', 'tokens', 'concurrent'] as const).map((counted) => limitOf(counted, 1_000_000, 'busy'));
    const caller = async () => {
      for (let turn = 0; turn < 50; turn++) {
        const claim = await admitted(busy.limiter, ...limits);
        if (!claim) throw new Error(`request ${turn} was refused`);
        await sleep(1 + Math.random() * 5);
        busy.limiter.end(claim, 10);
      }
    };
    await Promise.all(Array.from({ length: 16 }, caller));
    expect(busy.messages).toBeLessThan(50);
  });

  test('keeps nothing from the others once it is idle, or its replica has stopped', async () => {
    const [busy, other, third] = started();
    const [idle, stopped] = [limitOf('requests', 400), limitOf('concurrent', 400)];
    expect([await inTurn(40, busy, idle), await inTurn(40, busy, stopped)]).toEqual([40, 40]);
    expect(await atOnce(400, other, idle), 'while the first has some in hand').toBeLessThan(360);
    await sleep(untilGivenBack);
    expect(await atOnce(400, third, idle), 'the rest').toBeGreaterThan(0);
    expect((await third.limiter.take(claimOf(idle)))[0]?.used).toBe(400);

    expect(await inTurn(10, busy, stopped)).toBe(10);
    await busy.limiter.close();
    expect(await atOnce(400, other, stopped)).toBe(350);
  });

  test('that is changed binds from the next request on, whatever is in hand', async () => {
    const [busy] = started();
    const limit = limitOf('requests', 1_000);
    expect(await inTurn(200, busy, limit)).toBe(200);
    expect(await inTurn(20, busy, { ...limit, most: 205 })).toBe(5);
    expect(await inTurn(1, busy, limit)).toBe(1);
  });

  test('of tokens is charged at the other replicas within a second and a quarter, and is asked for each time where a tenth is left', async () => {
    const [busy, other] = started();
    const limit = limitOf('tokens', 1_000);
    const spend = async ({ limiter }: Replica, tokens: number) => {
      const claim = await admitted(limiter, limit);
      if (claim) limiter.end(claim, tokens);
      return claim !== undefined;
    };
    for (let turn = 0; turn < 20; turn++) expect([await spend(busy, 23), await spend(other, 23)]).toEqual([true, true]);
    const goOn = async () => {
      const until = performance.now() + 1_300;
      while (performance.now() < until) {
        await spend(other, 0);
        await sleep(20);
      }
    };
    await goOn();
    const before = other.messages;
    for (let turn = 0; turn < 5; turn++) await spend(other, 0);
    expect(other.messages - before, '80 of 1,000 are left').toBeGreaterThanOrEqual(5);
    await spend(busy, 200);
    await goOn();
    expect(await spend(other, 0)).toBe(false);
  });
});

test('a limit that is small, or of which less than four are left, is exact: the first are admitted wherever they come, and nobody else', async () => {
  const [first, second, third] = started();
  const replicas = [first, second, third];
  const cases = fc.sample(
    fc.record({
      counted: fc.constantFrom('requests' as const, 'concurrent' as const),
      most: fc.integer({ min: 1, max: 4 }),
      turns: fc.array(fc.nat(2), { minLength: 8, maxLength: 8 }),
    }),
    60,
  );
  const run = async ({ counted, most, turns }: (typeof cases)[number]) => {
    const limit = limitOf(counted, most);
    const answers: boolean[] = [];
    for (const turn of turns) answers.push((await admitted(replicas[turn]?.limiter ?? first.limiter, limit)) !== undefined);
    expect(answers).toEqual(turns.map((_, index) => index < most));
  };
  await Promise.all(cases.map(run));
});

test('a request is refused only where two fifths or less are left, and after a moment where nothing is left', async () => {
  const [first, second, third] = started();
  const others = [second, third];
  const bursts = fc.array(fc.record({ at: fc.nat(1), requests: fc.integer({ min: 1, max: 40 }) }), { minLength: 60, maxLength: 60 });
  const cases = fc.sample(fc.record({ most: fc.integer({ min: 5, max: 300 }), percent: fc.integer({ min: 0, max: 60 }), bursts }), 40);
  let early = 0;
  const run = async ({ most, percent, bursts: all }: (typeof cases)[number]) => {
    const limit = limitOf('requests', most);
    let served = await inTurn(Math.floor((most * percent) / 100), first, limit);
    for (const { at, requests } of all) {
      const now = await atOnce(requests, others[at] ?? second, limit);
      served += now;
      if (now < requests) break;
    }
    if (served < most) early++;
    expect(most - served).toBeLessThanOrEqual(0.4 * most);
    await sleep(untilGivenBack);
    served += await inTurn(most - served, second, limit);
    expect(served).toBe(most);
    expect(await admitted(third.limiter, limit)).toBeUndefined();
  };
  await Promise.all(cases.map(run));
  expect(early, 'cases in which somebody had some in hand').toBeGreaterThan(0);
});

test('a limit that is not busy is told of at once', async () => {
  const [replica] = started();
  const claim = await admitted(replica.limiter, limitOf('tokens', 100, 'calm'), limitOf('concurrent', 100, 'calm'));
  if (claim) replica.limiter.end(claim, 10);
  await nextTurn();
  expect(replica.messages).toBe(2);
});

test('a message that comes after later ones changes nothing', async () => {
  const [late, other] = started();
  const limit = limitOf('concurrent', 10);
  late.line = 'is late';
  await expect(late.limiter.take(claimOf(limit))).rejects.toThrow('not there yet');
  late.line = 'whole';
  await sleep(400);
  expect(await inTurn(9, late, limit)).toBe(9);
  await sleep(400);
  expect(await inTurn(2, other, limit)).toBe(1);
});

test.each<Line>(['loses answers', 'is late'])(
  'what Redis gave to a message whose answer was lost (%s) goes back, although nobody asks again',
  async (line) => {
    const [cut, other] = started();
    const limits = [limitOf('requests', 10, 'cut off'), limitOf('concurrent', 10, 'cut off')];
    cut.line = line;
    await expect(cut.limiter.take(claimOf(...limits))).rejects.toThrow();
    cut.line = 'whole';
    await sleep(untilGivenBack);
    expect(await inTurn(10, other, ...limits)).toBe(10);
  },
);

test('while Redis does not answer, what is in hand is used, then nobody waits to hear it again; what ended meanwhile is told later', async () => {
  const [cut, other] = started();
  const limits = [limitOf('requests', 1_000, 'cut'), limitOf('tokens', 1_000, 'cut')];
  const claims: Claim[] = [];
  for (let turn = 0; turn < 100; turn++) {
    const claim = await admitted(cut.limiter, ...limits);
    if (claim) claims.push(claim);
  }
  await sleep(50); // until what it asked for is in hand
  cut.line = 'is silent';
  expect(await inTurn(5, cut, ...limits)).toBe(5);
  for (const claim of claims) cut.limiter.end(claim, 10);
  await sleep(1_500);
  const [before, until] = [cut.messages, performance.now() + 1_000];
  let asked = 0;
  for (; performance.now() < until; asked++) {
    await expect(cut.limiter.take(claimOf(...limits.slice(0, 1)))).rejects.toThrow('Redis does not answer');
    if (asked % 100 === 0) await nextTurn();
  }
  expect(asked).toBeGreaterThan(100);
  expect(cut.messages - before, 'looks whether it is back').toBeLessThan(7);
  cut.line = 'whole';
  await expect.poll(() => admitted(other.limiter, ...limits), { timeout: 3_000 }).toBeUndefined();
});
