/** Streams under way on real processes of egress and a real Postgres, while processes are killed and Postgres restarts. Needs CLOISTER_TEST_POSTGRES_URL. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { ledger } from './budget/ledger.ts';
import { migrate } from './budget/migrate.ts';
import { postgres, type Postgres } from './budget/sql/postgres.ts';
import { testDatabase, type TestDatabase } from './budget/sql/test-database.fixture.ts';
import { ask } from './egress.fixture.ts';
import { beginStream, endMark, piece, providerDouble, stopChunk, usageChunk, type ProviderDouble } from './providers/provider.double.ts';

/** In micro-dollars; a token costs one. */
const limit = 200_000;
const callersOfEach = 8;

let database: TestDatabase;
let sql: Postgres;
let provider: ProviderDouble;
let tenant: string;
/** What the provider bills in the running test, whoever has left meanwhile; the streams that it has under way, and the most that there were. */
let bill = { microUsd: 0, streams: 0, most: 0 };
/** Milliseconds from one token to the next, how many there are at most, those of the input, and the streams before whose being there at once no token comes. */
const quick = { pause: 10, tokens: 60, input: 10, together: 1 };
let pace = quick;
beforeAll(async () => {
  database = await testDatabase();
  sql = postgres(database.url, () => undefined);
  await migrate(sql);
  // What it has made when its caller is gone, it bills.
  provider = await providerDouble((response) => {
    const { pause, input, together } = pace;
    const tokens = 1 + Math.floor(Math.random() * pace.tokens);
    let made = 0;
    const own = bill;
    own.most = Math.max(own.most, ++own.streams);
    const timer = setInterval(() => {
      if (own.most < together) return;
      if (made++ < tokens) return void response.write(piece(' word'));
      response.end(stopChunk + usageChunk(input, tokens) + endMark);
      clearInterval(timer);
    }, pause);
    beginStream(response).once('close', () => {
      clearInterval(timer);
      own.streams--;
      own.microUsd += input + Math.min(made, tokens);
    });
  });
});
afterAll(async () => {
  await provider[Symbol.asyncDispose]();
  await sql.close();
  await database.drop();
});
beforeEach(() => {
  tenant = randomUUID();
  bill = { microUsd: 0, streams: 0, most: 0 };
  pace = quick;
});

interface Member {
  readonly process: ChildProcess;
  readonly url: string;
}

async function start(ofTenant = limit): Promise<Member> {
  const process_ = spawn(
    process.execPath,
    [join(import.meta.dirname, 'killable.fixture.ts'), database.url, provider.baseURL, String(ofTenant / 1e6), tenant],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  onTestFinished(() => void process_.kill('SIGKILL'));
  const [port] = z.tuple([z.instanceof(Buffer)]).parse(await once(process_.stdout, 'data'));
  return { process: process_, url: `http://127.0.0.1:${String(port).trim()}` };
}

/** `whole`, `error event`, `broken`, or status and text of another answer. */
type Outcome = string;

/** Neither an answer from its beginning to its end nor a refusal by the budget. */
const isUnexpected = (outcome: Outcome): boolean => outcome !== 'whole' && !/^(429|503) .*"code":"budget_/.test(outcome);

/** One stream of the tenant. */
async function stream(url: string): Promise<Outcome> {
  try {
    const answer = await fetch(`${url}/v1/chat/completions`, ask(tenant, { model: 'p/m', stream: true, max_tokens: 100 }));
    const text = await answer.text();
    if (answer.status === 200) return text.endsWith(endMark) ? 'whole' : 'error event';
    return `${answer.status} ${text}`;
  } catch {
    return 'broken';
  }
}

/** Streams without pause on each of them that lives, until told to stop; who gets none waits for a moment. */
function callers(members: Member[], ofEach = callersOfEach, wait = 50) {
  const outcomes = new Map<Member, Outcome[]>();
  let stopped = false;
  const one = async (turn: number) => {
    while (!stopped) {
      const member = members[turn % members.length];
      if (!member) return;
      const outcome = await stream(member.url);
      outcomes.set(member, [...(outcomes.get(member) ?? []), outcome]);
      if (outcome !== 'whole') await sleep(wait);
    }
  };
  const running = Promise.all(Array.from({ length: ofEach * members.length }, (_, turn) => one(turn)));
  return {
    outcomes: (member: Member) => outcomes.get(member) ?? [],
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}

const windows = z.object({ settled: z.number(), reserved: z.number(), overrun: z.number(), forfeited: z.number(), usage: z.number() });
async function standing() {
  const text = `select settled_micro_usd::int as settled, reserved_micro_usd::int as reserved, overrun_micro_usd::int as overrun,
      forfeited_micro_usd::int as forfeited,
      coalesce((select sum(micro_usd) from cloister_egress.usage u where u.tenant_uid = w.tenant_uid), 0)::int as usage
    from cloister_egress.budget_window w where tenant_uid = $1 and kind = 'daily'`;
  return windows.parse((await sql.query(text, [tenant]))[0]);
}

async function end(members: readonly Member[]): Promise<void> {
  await Promise.all(
    members.map(async ({ process: member }) => {
      member.kill('SIGTERM');
      await once(member, 'exit');
    }),
  );
}

test(
  'egress is killed in the middle of streams: no more is spent than the limit, nothing is billed twice, a slice is lost at most, others go on',
  { timeout: 90_000 },
  async () => {
    const members = await Promise.all([start(), start(), start()]);
    const calling = callers(members);
    for (let kills = 0; kills < 3; kills++) {
      await sleep(700 + Math.random() * 300);
      const [victim] = members.splice(kills, 1, await start());
      victim?.process.kill('SIGKILL');
      const others = members.filter((_, at) => at !== kills);
      const before = others.map((other) => calling.outcomes(other).length);
      await sleep(300);
      others.forEach((other, at) => {
        const since = calling.outcomes(other).slice(before[at]);
        expect(since.filter(isUnexpected), 'elsewhere').toEqual([]);
      });
      if (victim)
        await expect.poll(() => calling.outcomes(victim), { message: 'streams were under way', timeout: 10_000 }).toContain('broken');
      const { settled, reserved, overrun } = await standing();
      expect(settled + reserved + overrun).toBeLessThanOrEqual(limit);
    }
    await calling.stop();
    expect(
      members.flatMap((member) => calling.outcomes(member).filter(isUnexpected)),
      'of those that were not killed',
    ).toEqual([]);
    await end(members);
    await expectBooksAfter({ kills: 3, limit, ofEach: callersOfEach });
  },
);

/** When nobody speaks any more. */
async function expectBooksAfter({ kills, limit, ofEach }: { readonly kills: number; readonly limit: number; readonly ofEach: number }) {
  const forfeits = await ledger(sql).expireSilent(0);
  const { settled, reserved, overrun, forfeited, usage } = await standing();
  expect(bill.microUsd).toBeGreaterThan(1_000);
  expect({ reserved, overrun }).toEqual({ reserved: 0, overrun: 0 });
  expect(bill.microUsd, 'spent').toBeLessThanOrEqual(limit);
  expect(settled, 'all that was billed is counted').toBeGreaterThanOrEqual(bill.microUsd);
  expect(settled, 'within the limit').toBeLessThanOrEqual(limit);
  expect(usage, 'nothing is counted twice').toBeLessThanOrEqual(bill.microUsd);
  expect(forfeited).toBe(settled - usage);
  const worst = 100 + 1_000; // of one call: output, and input by its bytes and the margin
  const most = limit / 4 + ofEach * worst;
  for (const { microUsd } of forfeits) expect(Number(microUsd), 'a slice, and what calls had reserved').toBeLessThanOrEqual(most);
  // Those that live have already forfeited what a replica held that has been silent for long enough.
  expect(forfeited).toBeGreaterThan(0);
  expect(forfeited, 'of each that was killed').toBeLessThanOrEqual(kills * most);
}

test(
  'a thousand streams at the same time on three replicas, two of which are killed, and Postgres restarts: not a micro-dollar more than the limit',
  { timeout: 180_000 },
  async () => {
    const [ample, ofEach] = [1_200_000, 334];
    pace = { pause: 500, tokens: 20, input: 500, together: 900 };
    const members = await Promise.all([start(ample), start(ample), start(ample)]);
    const calling = callers(members, ofEach, 1_000);
    const kill = async (at: number) => {
      const [victim] = members.splice(at, 1, await start(ample));
      victim?.process.kill('SIGKILL');
      if (victim) await expect.poll(() => calling.outcomes(victim), { message: 'were under way', timeout: 10_000 }).toContain('broken');
    };
    await expect.poll(() => bill.most, { message: 'streams under way', timeout: 60_000 }).toBeGreaterThanOrEqual(pace.together);
    await kill(0);
    await sleep(2_000);
    const giveBack = await database.takeAway();
    await sleep(1_000);
    await kill(1);
    await sleep(500);
    await giveBack();
    const refused = () => members.flatMap(calling.outcomes).filter((outcome) => /^429 .*"code":"budget_exceeded"/.test(outcome));
    await expect.poll(refused, { message: 'what is beyond the limit is refused', timeout: 60_000 }).not.toEqual([]);
    const { settled, reserved, overrun } = await vi.waitFor(standing, 20_000); // which waits its turn among all that happens here
    expect(settled + reserved + overrun).toBeLessThanOrEqual(ample);
    await calling.stop();
    const unexpected = members.flatMap((member) => calling.outcomes(member).filter(isUnexpected));
    expect(unexpected, 'of those that were not killed').toEqual([]);
    await end(members);
    await expectBooksAfter({ kills: 2, limit: ample, ofEach });
  },
);

test(
  'Postgres restarts in the middle of streams: they end as if nothing had happened, and the sums agree to the micro-dollar',
  { timeout: 90_000 },
  async () => {
    const members = await Promise.all([start(), start()]);
    const calling = callers(members);
    for (let restarts = 0; restarts < 2; restarts++) {
      await sleep(1_000);
      const giveBack = await database.takeAway();
      await sleep(1_500);
      await giveBack();
    }
    await sleep(1_500);
    await calling.stop();
    await end(members);
    const outcomes = members.flatMap((member) => calling.outcomes(member));
    expect(outcomes.filter(isUnexpected)).toEqual([]);
    expect(outcomes).toContain('whole');
    const { settled, ...rest } = await standing();
    expect(rest).toEqual({ reserved: 0, overrun: 0, forfeited: 0, usage: bill.microUsd });
    expect(settled, 'to the micro-dollar').toBe(bill.microUsd);
    expect(settled).toBeLessThanOrEqual(limit);
  },
);
