/**
 * Streams under way on real processes of egress, while these and Postgres are killed. Postgres is a real one, of this file alone: what is killed is its
 * first process, and what starts again recovers from its log, on the same disk.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { ledger } from '../../../gateway/src/egress/budget/ledger.ts';
import { migrate } from '../../../gateway/src/egress/budget/migrate.ts';
import { postgres, type Postgres } from '../../../gateway/src/egress/budget/sql/postgres.ts';
import { testDatabase, type TestDatabase } from '../../../gateway/src/egress/budget/sql/test-database.fixture.ts';
import { repository } from '../../cluster/paths.ts';
import { billingProvider, dear, type BillingProvider } from './billing-provider.ts';
import { ownPostgres, type OwnPostgres } from './own-postgres.ts';
import { callers, isSpent, isUnexpected, type Calling } from './streaming-callers.ts';

/** In micro-dollars; a token costs one. */
const limit = 200_000;
const callersOfEach = 8;
/** What is reserved for one call: output, and input by its bytes and the margin. */
const worst = 100 + 1_000;

let server: OwnPostgres;
let database: TestDatabase;
let sql: Postgres;
let provider: BillingProvider;
let tenant: string;
beforeAll(async () => {
  server = await ownPostgres('crashes');
  database = await testDatabase(server.url);
  sql = postgres(database.url, () => undefined);
  await migrate(sql);
  provider = await billingProvider();
});
afterAll(async () => {
  await provider[Symbol.asyncDispose]();
  await sql.close();
  await server.close();
});
beforeEach(() => {
  tenant = randomUUID();
  provider.beginAnew();
});

interface Member {
  readonly process: ChildProcess;
  readonly url: string;
}

const program = join(repository, 'gateway/src/egress/killable.fixture.ts');
async function start(ofTenant = limit): Promise<Member> {
  const args = [program, database.url, provider.baseURL, String(ofTenant / 1e6), tenant];
  const process_ = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void process_.kill('SIGKILL'));
  const [port] = z.tuple([z.instanceof(Buffer)]).parse(await once(process_.stdout, 'data'));
  return { process: process_, url: `http://127.0.0.1:${String(port).trim()}` };
}

const windows = z.object({ settled: z.number(), reserved: z.number(), overrun: z.number(), forfeited: z.number(), usage: z.number() });
async function standing() {
  const text = `select settled_micro_usd::int as settled, reserved_micro_usd::int as reserved, overrun_micro_usd::int as overrun,
      forfeited_micro_usd::int as forfeited,
      coalesce((select sum(micro_usd) from cloister_egress.usage u where u.tenant_uid = w.tenant_uid), 0)::int as usage
    from cloister_egress.budget_window w where tenant_uid = $1 and kind = 'daily'`;
  return windows.parse((await sql.query(text, [tenant]))[0]);
}

/**
 * Looks at the ledger over and over while a test goes on: no more than the limit is settled and held, and no less than the provider has billed by then.
 * `end` gives how often it could be asked, and what was wrong.
 */
function watchBooks(most: number) {
  const wrong: string[] = [];
  let looks = 0;
  const ending = new AbortController();
  const look = async () => {
    const { microUsd: billed } = provider.bill; // before the ledger is asked, which has to have it by then
    const books = await standing().catch(() => undefined); // killed, or nobody has asked yet
    if (!books) return;
    looks++;
    const { settled, reserved, overrun } = books;
    const all = settled + reserved + overrun;
    if (all > most || all < billed)
      wrong.push(`settled ${settled}, reserved ${reserved}, beyond ${overrun}, limit ${most}, billed ${billed}`);
  };
  const watching = (async () => {
    while (!ending.signal.aborted) {
      await look();
      await sleep(25);
    }
  })();
  onTestFinished(() => ending.abort());
  return {
    end: async () => {
      ending.abort();
      await watching;
      return { looks, wrong };
    },
  };
}

async function expectHeld(watch: ReturnType<typeof watchBooks>): Promise<void> {
  const { looks, wrong } = await watch.end();
  expect(wrong, 'within the limit, and all that was billed is in it, at every moment').toEqual([]);
  expect(looks).toBeGreaterThan(100);
}

/** Until each has given one more whole stream. */
async function moreWhole(members: readonly Member[], calling: Calling<Member>): Promise<void> {
  const whole = () => members.map((member) => calling.outcomes(member).filter((outcome) => outcome === 'whole').length);
  const before = whole();
  const since = () =>
    whole().map((count, at) =>
      count > (before[at] ?? 0) ? 'one more' : `none; last: ${members[at] && calling.outcomes(members[at]).at(-1)}`,
    );
  await expect.poll(since, { message: 'a whole stream of each', timeout: 15_000 }).toEqual(members.map(() => 'one more'));
}

/** Goes on until nothing is under way, and what is left is too little for whoever asks; then everybody ends. */
async function spendAll(members: readonly Member[], calling: Calling<Member>): Promise<void> {
  const isOver = () => provider.bill.streams === 0 && members.every((member) => isSpent(calling.outcomes(member).at(-1)));
  await expect.poll(isOver, { message: 'the budget is spent', timeout: 90_000 }).toBe(true);
  await calling.stop();
  await Promise.all(
    members.map(async ({ process: member }) => {
      member.kill('SIGTERM');
      await once(member, 'exit');
    }),
  );
  const outcomes = members.flatMap((member) => calling.outcomes(member));
  expect(outcomes.filter(isUnexpected), 'of those that were not killed').toEqual([]);
}

test(
  'egress is killed in the middle of streams: no more is spent than the limit, what is left can still be, nothing is billed twice, a slice is lost at most, others go on',
  { timeout: 300_000 },
  async () => {
    const members = await Promise.all([start(), start(), start()]);
    const watch = watchBooks(limit);
    const calling = callers({ tenant, members, ofEach: callersOfEach, wait: 50 });
    for (let kills = 0; kills < 3; kills++) {
      await sleep(700 + Math.random() * 300);
      const [victim] = members.splice(kills, 1, await start());
      victim?.process.kill('SIGKILL');
      const others = members.filter((_, at) => at !== kills);
      await moreWhole(others, calling);
      expect(others.flatMap((other) => calling.outcomes(other)).filter(isUnexpected), 'elsewhere').toEqual([]);
      if (victim)
        await expect.poll(() => calling.outcomes(victim), { message: 'streams were under way', timeout: 10_000 }).toContain('broken');
    }
    provider.pace = dear;
    await spendAll(members, calling);
    await expectHeld(watch);
    await expectBooksAfter({ kills: 3, limit, ofEach: callersOfEach });
  },
);

/** When nobody speaks any more. */
async function expectBooksAfter({ kills, limit, ofEach }: { readonly kills: number; readonly limit: number; readonly ofEach: number }) {
  const forfeits = await ledger(sql).expireSilent(0);
  const { settled, reserved, overrun, forfeited, usage } = await standing();
  const { microUsd: billed } = provider.bill;
  expect({ reserved, overrun }).toEqual({ reserved: 0, overrun: 0 });
  expect(billed, 'spent').toBeLessThanOrEqual(limit);
  expect(settled, 'all that was billed is counted').toBeGreaterThanOrEqual(billed);
  expect(settled, 'within the limit').toBeLessThanOrEqual(limit);
  expect(settled, 'nobody was refused while there was more left').toBeGreaterThan(limit - (5 / 4) * worst);
  expect(usage, 'nothing is counted twice').toBeLessThanOrEqual(billed);
  expect(forfeited).toBe(settled - usage);
  const most = limit / 4 + ofEach * worst;
  for (const { microUsd } of forfeits) expect(Number(microUsd), 'a slice, and what calls had reserved').toBeLessThanOrEqual(most);
  // Those that live have already forfeited what a replica held that has been silent for long enough.
  expect(forfeited).toBeGreaterThan(0);
  expect(forfeited, 'of each that was killed').toBeLessThanOrEqual(kills * most);
}

test(
  'a thousand streams at the same time on three replicas, two of which are killed, and Postgres too: not a micro-dollar more than the limit',
  { timeout: 300_000 },
  async () => {
    const [ample, ofEach] = [1_200_000, 334];
    provider.pace = { pause: 500, tokens: 20, input: 500, together: 900 };
    const members = await Promise.all([start(ample), start(ample), start(ample)]);
    const watch = watchBooks(ample);
    const calling = callers({ tenant, members, ofEach, wait: 1_000 });
    const kill = async (at: number) => {
      const [victim] = members.splice(at, 1, await start(ample));
      victim?.process.kill('SIGKILL');
      if (victim) await expect.poll(() => calling.outcomes(victim), { message: 'were under way', timeout: 10_000 }).toContain('broken');
    };
    await expect
      .poll(() => provider.bill.most, { message: 'streams under way', timeout: 60_000 })
      .toBeGreaterThanOrEqual(provider.pace.together);
    await kill(0);
    await sleep(2_000);
    await server.crash(1_000, () => kill(1));
    await spendAll(members, calling);
    await expectHeld(watch);
    await expectBooksAfter({ kills: 2, limit: ample, ofEach });
  },
);

test(
  'Postgres is killed in the middle of streams and recovers: they end as if nothing had happened, and the sums agree to the micro-dollar',
  { timeout: 300_000 },
  async () => {
    const members = await Promise.all([start(), start()]);
    const watch = watchBooks(limit);
    const calling = callers({ tenant, members, ofEach: callersOfEach, wait: 50 });
    for (let crashes = 0; crashes < 2; crashes++) {
      await sleep(1_000);
      await moreWhole(members, calling); // so that each has something in hand
      await expect.poll(() => provider.bill.streams, { message: 'streams are under way', timeout: 15_000 }).toBeGreaterThan(0);
      await server.crash(1_500, () => moreWhole(members, calling));
    }
    provider.pace = dear;
    await spendAll(members, calling);
    await expectHeld(watch);
    const { settled, ...rest } = await standing();
    const { microUsd: billed } = provider.bill;
    expect(rest).toEqual({ reserved: 0, overrun: 0, forfeited: 0, usage: billed });
    expect(settled, 'to the micro-dollar').toBe(billed);
    expect(settled).toBeLessThanOrEqual(limit);
    expect(settled, 'nobody was refused while there was more left').toBeGreaterThan(limit - (5 / 4) * worst);
  },
);
