/** Generated histories of three replicas on a real Redis, many at a time. Needs CLOISTER_TEST_REDIS_URL. */
import fc from 'fast-check';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { isAdmitted, type Claim, type Limit } from './limiter.ts';
import { claimOf, limitOf } from './limiter.specification.ts';
import { redisReplicas, type Line, type Replica } from './redis-replicas.fixture.ts';

const { started } = redisReplicas();
/** Seconds. */
const [minute, hold] = [2, 3];

const at = fc.nat(2);
const requests = fc.integer({ min: 1, max: 12 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('ask' as const), at, requests }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('end' as const), at, requests }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 30, 120, 400, 1_100) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('line' as const),
      at,
      line: fc.constantFrom<Line>('loses messages', 'loses answers', 'is late', 'whole', 'whole'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), at }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
const history = fc.record({
  perMinute: fc.integer({ min: 1, max: 60 }),
  atOnce: fc.integer({ min: 1, max: 40 }),
  steps: fc.array(step, { minLength: 60, maxLength: 90 }),
});

type History = typeof history extends fc.Arbitrary<infer T> ? T : never;

/** One replica, and what became of the requests to it. */
class Recorded {
  readonly admitted: { readonly claim: Claim; readonly asked: number; readonly answered: number; ended: number }[] = [];
  readonly #replica: Replica;
  readonly #lines: { readonly line: Line; readonly since: number }[] = [{ line: 'whole', since: -Infinity }];
  refused = 0;
  unanswered = 0;

  constructor(replica: Replica) {
    this.#replica = replica;
  }

  async ask(limits: readonly Limit[]): Promise<void> {
    const [claim, asked] = [claimOf(...limits), performance.now()];
    const standings = await this.#replica.limiter.take(claim).catch(() => undefined);
    if (!standings) this.unanswered++;
    else if (!isAdmitted(standings)) this.refused++;
    else this.admitted.push({ claim, asked, answered: performance.now(), ended: Infinity });
  }

  end(count: number): void {
    for (const one of this.admitted.filter(({ ended }) => ended === Infinity).slice(0, count)) {
      one.ended = performance.now();
      this.#replica.limiter.end(one.claim, 7);
    }
  }

  set line(line: Line) {
    this.#lines.push({ line, since: performance.now() });
    this.#replica.line = line;
  }

  /** Says nothing any more, and what was in progress at it has ended. */
  die(): void {
    this.#replica.line = 'loses messages';
    for (const one of this.admitted) one.ended = Math.min(one.ended, performance.now());
  }

  /** How many were in progress then. None where Redis may not know: places of which it does not hear for longer than a hold are free, until it hears of them again. */
  inProgress(then: number): number {
    const { line, since } = this.#lines.findLast((one) => one.since <= then) ?? { line: 'whole', since: then };
    if (line === 'whole' ? then - since < 1_000 : then - since > 1_500) return 0;
    return this.admitted.filter(({ answered, ended }) => answered <= then && ended > then).length;
  }
}

/** Three at a time; where one dies another takes its place. */
class Fleet {
  /** The dead as well. */
  readonly all: Recorded[] = [];
  readonly #alive = this.#start();
  killed = 0;

  at(place: number): Recorded {
    const replica = this.#alive[place];
    if (!replica) throw new Error('no replica');
    return replica;
  }

  kill(place: number): void {
    this.at(place).die();
    this.#alive[place] = this.#start()[place];
    this.killed++;
  }

  #start(): (Recorded | undefined)[] {
    const replicas = started({ minute, hold }).map((replica) => new Recorded(replica));
    this.all.push(...replicas);
    return replicas;
  }
}

async function take(fleet: Fleet, limits: readonly Limit[], next: Step): Promise<void> {
  if (next.do === 'wait') return sleep(next.ms);
  const replica = fleet.at(next.at);
  if (next.do === 'kill') fleet.kill(next.at);
  else if (next.do === 'line') replica.line = next.line;
  else if (next.do === 'end') replica.end(next.requests);
  else await Promise.all(Array.from({ length: next.requests }, () => replica.ask(limits)));
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);

test(
  'whatever comes when, is lost, or dies: no minute sees more than the limit, nor are more in progress',
  { timeout: 120_000 },
  async () => {
    const run = async ({ perMinute, atOnce, steps }: History) => {
      const fleet = new Fleet();
      const limits = [limitOf('requests', perMinute, 'any'), limitOf('concurrent', atOnce, 'any'), limitOf('tokens', 1_000_000, 'any')];
      for (const next of steps) await take(fleet, limits, next);
      const admissions = fleet.all.flatMap(({ admitted }) => admitted);
      for (const { asked, answered } of admissions) {
        const together = admissions.filter((one) => one.asked >= asked && one.answered < asked + minute * 1_000);
        expect(together.length, 'within a minute').toBeLessThanOrEqual(perMinute);
        expect(sum(fleet.all.map((replica) => replica.inProgress(answered))), 'in progress').toBeLessThanOrEqual(atOnce);
      }
      return fleet;
    };
    const fleets = await Promise.all(fc.sample(history, 40).map(run));
    const all = fleets.flatMap((fleet) => fleet.all);
    expect(sum(fleets.map(({ killed }) => killed))).toBeGreaterThan(40);
    for (const count of [
      sum(all.map(({ admitted }) => admitted.length)),
      sum(all.map(({ refused }) => refused)),
      sum(all.map(({ unanswered }) => unanswered)),
    ])
      expect(count).toBeGreaterThan(100);
  },
);
