/** Replicas on a real Postgres: many calls at once, processes that are killed, connections that break. Needs CLOISTER_TEST_POSTGRES_URL. */
import { createLogger } from '@cloister/telemetry';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { portOf } from '../../server/serve.ts';
import { LeasedBudget, type Reservation } from './budget.ts';
import { ledger, type Forfeit } from './ledger.ts';
import { agentAccount } from './limits.ts';
import { migrate } from './migrate.ts';
import { priceOf } from './money.ts';
import { postgres, type Postgres } from './sql/postgres.ts';
import { testDatabase, type TestDatabase } from './sql/test-database.fixture.ts';

const log = createLogger({ name: 'egress', level: 'fatal' });
const price = priceOf({ inputPerMillion: 1, outputPerMillion: 1 });
const largest = 100;

let database: TestDatabase;
let sql: Postgres;
beforeAll(async () => {
  database = await testDatabase();
  sql = postgres(database.url, () => undefined);
  await Promise.all([migrate(sql), migrate(sql), migrate(sql)]);
});
afterAll(async () => {
  await sql.close();
  await database.drop();
});

const row = z.object({ settled: z.number(), reserved: z.number(), overrun: z.number(), forfeited: z.number(), usage: z.number() });
/** Of the day, in micro-dollars; and what `usage` sums up to. Of a tenant's account, or of an agent's. */
async function standing(account: string) {
  const text = `select settled_micro_usd::int as settled, reserved_micro_usd::int as reserved, overrun_micro_usd::int as overrun,
      forfeited_micro_usd::int as forfeited,
      coalesce((select sum(micro_usd) from cloister_egress.usage u
        where w.tenant_uid in (u.tenant_uid, cloister_egress.agent_account(u.tenant_uid, u.agent))), 0)::int as usage
    from cloister_egress.budget_window w where tenant_uid = $1 and kind = 'daily'`;
  return row.parse((await sql.query(text, [account]))[0]);
}

/** With or without a daily budget of its own, in dollars. */
interface Agent {
  readonly name: string;
  readonly dollars?: number;
}

interface Member extends AsyncDisposable {
  /** Undefined where it was refused. */
  reserve(tenantUid: string, dollars: number, agent?: Agent): Promise<Reservation | undefined>;
}
function member(url = database.url): Member {
  const pool = postgres(url, () => undefined);
  const budget = new LeasedBudget(ledger(pool), { log });
  const worst = { inputTokens: 0, outputTokens: largest, named: true, price };
  return {
    reserve: (tenantUid, dollars, agent) => {
      const call = { tenantUid, tenant: 't', agent: agent?.name ?? 'x', caller: '', model: 'p/m', timeZone: 'UTC' };
      const limits = { timeZone: 'UTC', daily: { usd: dollars }, monthly: { tokens: 1e9 } };
      const ofAgent = agent?.dollars === undefined ? undefined : { daily: { usd: agent.dollars } };
      return budget.reserve(call, { ...limits, ofAgent }, worst).catch(() => undefined);
    },
    [Symbol.asyncDispose]: async () => {
      await budget.close();
      await pool.close();
    },
  };
}

async function use(reservation: Reservation, ms: number): Promise<number> {
  await sleep(Math.random() * ms);
  const outputTokens = 1 + Math.floor(Math.random() * reservation.outputTokens);
  reservation.settle({ inputTokens: 0, outputTokens });
  return outputTokens;
}

const total = (amounts: readonly number[]): number => amounts.reduce((sum, amount) => sum + amount, 0);

test(
  'a thousand calls at once on each of three replicas spend no more than the limits of tenant and agent, and no less than fits',
  { timeout: 60_000 },
  async () => {
    const tenants = [randomUUID(), randomUUID(), randomUUID()];
    const [limit, ofThrifty] = [30_000, 6_000];
    const agents: Agent[] = [{ name: 'thrifty', dollars: ofThrifty / 1e6 }, { name: 'free' }];
    const spent = new Map<string, number>();
    {
      await using one = member();
      await using two = member();
      await using three = member();
      const members = [one, two, three];
      const calls = tenants.flatMap((tenant) =>
        members.flatMap((of) => Array.from({ length: 334 }, (_, turn) => ({ tenant, of, agent: agents[turn % 2] }))),
      );
      const work = { done: false };
      const watch = (async () => {
        while (!work.done) {
          const rows = await sql.query(
            `select tenant_uid like '%/thrifty' as thrifty, max(settled_micro_usd + reserved_micro_usd)::int as most
             from cloister_egress.budget_window where kind = 'daily' group by 1`,
            [],
          );
          for (const { thrifty, most } of z.array(z.object({ thrifty: z.boolean(), most: z.number() })).parse(rows))
            expect(most).toBeLessThanOrEqual(thrifty ? ofThrifty : limit);
          await sleep(20);
        }
      })();
      const admitted = await Promise.all(
        calls.map(async ({ tenant, of, agent }) => {
          const reservation = await of.reserve(tenant, limit / 1e6, agent);
          if (!reservation) return 0;
          const used = await use(reservation, 300);
          for (const account of [tenant, agentAccount(tenant, agent?.name ?? '')]) spent.set(account, (spent.get(account) ?? 0) + used);
          return 1;
        }),
      );
      work.done = true;
      await watch;
      expect(total(admitted)).toBeLessThan(calls.length);
    }
    expect(spent.size).toBe(3 * tenants.length);
    for (const [account, used] of spent) {
      expect(await standing(account)).toEqual({ settled: used, reserved: 0, overrun: 0, forfeited: 0, usage: used });
      expect(used).toBeLessThanOrEqual(account.endsWith('/thrifty') ? ofThrifty : limit);
    }
  },
);

test('a call is refused only where less is left than five quarters of what it needs', { timeout: 60_000 }, async () => {
  const tenant = randomUUID();
  const limit = 20_000;
  await using one = member();
  await using two = member();
  await using three = member();
  let spent = 0;
  const exhaust = async (of: Member) => {
    for (let reservation; (reservation = await of.reserve(tenant, limit / 1e6));) {
      const used = await use(reservation, 1);
      spent += used;
    }
  };
  await Promise.all([one, two, three].flatMap((of) => [exhaust(of), exhaust(of)]));
  expect(limit - spent).toBeLessThan(1.25 * largest);
});

/** Between a replica and Postgres; some answers never arrive, though what they answer was done. */
async function unreliable(url: string) {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const state = { cuts: 0, chance: 0.15 };
  const server = createServer((socket) => {
    const upstream = connect(Number(port), hostname);
    const end = () => {
      socket.destroy();
      upstream.destroy();
      sockets.delete(socket);
    };
    sockets.add(socket);
    for (const side of [socket, upstream]) side.on('error', end).on('close', end);
    socket.on('data', (bytes) => upstream.write(bytes));
    upstream.on('data', (bytes) => {
      if (Math.random() >= state.chance) return void socket.write(bytes);
      state.cuts++;
      end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const through = new URL(url);
  through.host = `127.0.0.1:${portOf(server)}`;
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { url: through.href, state, [Symbol.dispose]: close };
}

test('connections that break in the middle of a statement lose nothing, and nothing is counted twice', { timeout: 60_000 }, async () => {
  const tenant = randomUUID();
  const limit = 100_000;
  using line = await unreliable(database.url);
  let spent = 0;
  {
    await using one = member(line.url);
    await using two = member(line.url);
    await Promise.all(
      Array.from({ length: 40 }, async (_, turn) => {
        for (let calls = 0; calls < 60; calls++) {
          const reservation = await (turn % 2 ? one : two).reserve(tenant, limit / 1e6);
          const used = reservation ? await use(reservation, 60) : 0;
          spent += used;
        }
      }),
    );
    expect(line.state.cuts).toBeGreaterThan(0);
    line.state.chance = 0;
  }
  expect(spent).toBeLessThanOrEqual(limit);
  expect(await standing(tenant)).toMatchObject({ settled: spent, reserved: 0, overrun: 0, usage: spent });
});

test(
  'replicas that are killed spend no more than the limits of tenant and agent, and each forfeits no more than it may hold',
  { timeout: 60_000 },
  async () => {
    const tenant = randomUUID();
    const [limit, ofThrifty, callers] = [800_000, 200_000, 20];
    const folder = await mkdtemp(join(tmpdir(), 'killed-'));
    const truth = join(folder, 'truth');
    writeFileSync(truth, '');
    const start = (): ChildProcess =>
      spawn(
        process.execPath,
        [
          join(import.meta.dirname, 'killable.fixture.ts'),
          database.url,
          truth,
          tenant,
          String(limit / 1e6),
          String(ofThrifty / 1e6),
          String(callers),
          String(largest),
        ],
        { stdio: 'inherit' },
      );
    const forfeits: Forfeit[] = [];
    const look = async (seconds: number) => forfeits.push(...(await ledger(sql).expireSilent(seconds)));

    const running = [start(), start(), start()];
    const billed = () => readFileSync(truth, 'utf8').split('\n').length - 1;
    for (let kills = 0; kills < 4; kills++) {
      const before = billed();
      await expect.poll(() => billed() > before + 50 || running.some(({ exitCode }) => exitCode !== null), { timeout: 10_000 }).toBe(true);
      await sleep(Math.random() * 300);
      const victim = running.shift();
      if (victim?.exitCode !== null) break;
      victim.kill('SIGKILL');
      await once(victim, 'exit');
      running.push(start());
      await look(5);
      const { settled, reserved } = await standing(tenant);
      expect(settled + reserved).toBeLessThanOrEqual(limit);
    }
    await Promise.all(running.filter(({ exitCode }) => exitCode === null).map((child) => once(child, 'exit')));
    await look(0);

    const bills = readFileSync(truth, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' '));
    const spent = total(bills.map(([, amount]) => Number(amount)));
    const { settled, reserved, forfeited, usage } = await standing(tenant);
    expect(forfeits.length).toBeGreaterThan(1);
    expect(reserved).toBe(0);
    expect(spent).toBeLessThanOrEqual(limit);
    expect(settled).toBeLessThanOrEqual(limit);
    expect(settled, 'all that was billed is counted').toBeGreaterThanOrEqual(spent);
    expect(usage, 'nothing is counted twice').toBeLessThanOrEqual(spent);
    expect(forfeited).toBe(settled - usage);
    expect(total(forfeits.map(({ microUsd }) => Number(microUsd)))).toBe(forfeited);
    const most = limit / 4 + 2 * callers * largest; // a slice, and what its callers had reserved and asked for
    for (const { microUsd } of forfeits) expect(Number(microUsd)).toBeLessThanOrEqual(most);
    const spentByThrifty = total(bills.map(([agent, amount]) => (agent === 'thrifty' ? Number(amount) : 0)));
    const thrifty = await standing(agentAccount(tenant, 'thrifty'));
    expect(thrifty.reserved).toBe(0);
    expect(spentByThrifty).toBeGreaterThan(ofThrifty / 4);
    expect(thrifty.settled).toBeLessThanOrEqual(ofThrifty);
    expect(thrifty.settled, 'all that the agent was billed is counted').toBeGreaterThanOrEqual(spentByThrifty);
    expect(thrifty.forfeited).toBe(thrifty.settled - thrifty.usage);
    await rm(folder, { recursive: true });
  },
);
