/** Random histories of the ledger against its rules in a few lines: whatever happens in whatever order, both must say the same. */
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { ledger, type Call, type Ledger } from './ledger.ts';
import { migrate } from './migrate.ts';
import { pglite } from './sql/pglite.fixture.ts';
import type { Sql } from './sql/sql.ts';

const limits = { daily: 100, monthly: 250 } as const;
const callSeconds = 60;
const day = 86_400;

let sql: Sql;
let books: Ledger;
beforeAll(async () => {
  const database = await pglite();
  sql = database;
  await migrate(sql);
  await sql.script(`create table cloister_egress.test_clock (at timestamptz);
    create or replace function cloister_egress.clock() returns timestamptz language sql stable as $$ select at from cloister_egress.test_clock $$`);
  books = ledger(sql);
  return () => database[Symbol.asyncDispose]();
}, 60_000);

interface Window {
  settled: number;
  reserved: number;
  overrun: number;
}
interface Flight {
  readonly call: Call;
  readonly held: number;
  readonly windows: readonly Window[];
  readonly expires: number;
  folded: boolean;
}

/** The rules, with a token that costs a micro-dollar, in UTC. */
class Oracle {
  readonly windows = new Map<string, Window>();
  readonly open = new Map<string, Flight>();
  billed = 0;
  now: number;

  constructor(now: number) {
    this.now = now;
  }

  windowsOf(tenant: string): Window[] {
    const date = new Date(this.now * 1000).toISOString();
    return [`${tenant} daily ${date.slice(0, 10)}`, `${tenant} monthly ${date.slice(0, 7)}-01`].map((key) => {
      const window = this.windows.get(key) ?? { settled: 0, reserved: 0, overrun: 0 };
      this.windows.set(key, window);
      return window;
    });
  }

  reserve(call: Call, rungs: readonly number[]): number | undefined {
    const windows = this.windowsOf(call.tenantUid);
    const fits = (amount: number) =>
      windows.every(
        ({ settled, reserved, overrun }, at) => settled + reserved + overrun + amount <= (at === 0 ? limits.daily : limits.monthly),
      );
    const held = rungs.find(fits);
    if (held === undefined) return undefined;
    for (const window of windows) window.reserved += held;
    this.open.set(call.id, { call, held, windows, expires: this.now + callSeconds, folded: false });
    return held;
  }

  settle(id: string, used: number): void {
    const flight = this.open.get(id);
    if (!flight) return;
    this.open.delete(id);
    for (const window of flight.windows) {
      if (flight.folded) window.settled -= flight.held;
      else window.reserved -= flight.held;
      window.settled += Math.min(used, flight.held);
      window.overrun += Math.max(0, used - flight.held);
    }
    this.billed += used - (flight.folded ? flight.held : 0);
  }

  fold(): void {
    for (const flight of this.open.values()) {
      if (flight.folded || flight.expires >= this.now) continue;
      flight.folded = true;
      for (const window of flight.windows) {
        window.reserved -= flight.held;
        window.settled += flight.held;
      }
      this.billed += flight.held;
    }
  }
}

const tenant = fc.constantFrom('a', 'b');
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('reserve' as const), tenant, want: fc.integer({ min: 1, max: 60 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('settle' as const), which: fc.nat(), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('overcharge' as const), which: fc.nat(), extra: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('settle again' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fold' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(30, callSeconds + 1, day, 12 * day) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const windowRow = z.object({ key: z.string(), settled: z.number(), reserved: z.number(), overrun: z.number() });
const stateQuery = `select tenant_uid || ' ' || kind || ' ' || starts_on as key, settled_tokens::int as settled, reserved_tokens::int as reserved,
  overrun_tokens::int as overrun from cloister_egress.budget_window where settled_micro_usd = settled_tokens and reserved_micro_usd = reserved_tokens
  and overrun_micro_usd = overrun_tokens`;

class Run {
  readonly oracle = new Oracle(Date.parse('2026-11-20T12:00:00Z') / 1000);
  #settled: (() => Promise<void>) | undefined;
  /** Whether everybody has kept to what was reserved. */
  honest = true;

  async take(given: Step): Promise<void> {
    const flights = [...this.oracle.open.values()];
    const flight = 'which' in given ? flights[given.which % Math.max(1, flights.length)] : undefined;
    if (given.do === 'reserve') await this.#reserve(given.tenant, given.want);
    else if (given.do === 'settle' && flight) await this.#settle(flight, Math.floor(flight.held * given.share));
    else if (given.do === 'overcharge' && flight) {
      this.honest = false;
      await this.#settle(flight, flight.held + given.extra);
    } else if (given.do === 'settle again') await this.#settled?.();
    else if (given.do === 'fold') await this.#fold();
    else if (given.do === 'wait') await this.setClock(this.oracle.now + given.seconds);
  }

  async setClock(now: number): Promise<void> {
    this.oracle.now = now;
    await sql.query('update cloister_egress.test_clock set at = to_timestamp($1)', [now]);
  }

  async #reserve(tenantUid: string, want: number): Promise<void> {
    const call = { id: randomUUID(), tenantUid, tenant: tenantUid, agent: 'x', model: 'p/m', timeZone: 'UTC' };
    const amounts = [want, Math.ceil(want / 2), Math.ceil(want / 4)];
    const rungs = amounts.map((amount) => ({ outputTokens: amount, tokens: amount, microUsd: BigInt(amount), headroom: 1 }));
    const asked = (['daily', 'monthly'] as const).map((kind) => ({ kind, microUsd: BigInt(limits[kind]), tokens: limits[kind] }));
    const [answer] = await books.reserve({ ...call, limits: asked }, [{ call, rungs, seconds: callSeconds }]);
    expect(answer && 'granted' in answer ? answer.granted : undefined).toBe(this.oracle.reserve(call, amounts));
  }

  async #settle({ call }: Flight, used: number): Promise<void> {
    this.#settled = () => books.settle([{ call, reserved: true, inputTokens: 0, outputTokens: used, microUsd: BigInt(used) }]);
    await this.#settled();
    this.oracle.settle(call.id, used);
  }

  async #fold(): Promise<void> {
    await books.foldExpired();
    this.oracle.fold();
  }

  async check(): Promise<void> {
    const rows = z.array(windowRow).parse(await sql.query(stateQuery, []));
    const found = new Map(rows.map(({ key, ...window }) => [key, window]));
    expect(found).toEqual(this.oracle.windows);
    for (const [key, { settled, reserved, overrun }] of found) {
      const limit = key.includes('daily') ? limits.daily : limits.monthly;
      expect(settled + reserved).toBeLessThanOrEqual(limit);
      if (this.honest) expect(overrun).toBe(0);
    }
    const sums = await sql.query('select coalesce(sum(micro_usd), 0)::int as billed from cloister_egress.usage', []);
    expect(sums).toEqual([{ billed: this.oracle.billed }]);
  }

  /** Everything ends at last: whatever was reserved must then be settled, to the last token. */
  async end(): Promise<void> {
    await this.setClock(this.oracle.now + callSeconds + 1);
    await this.#fold();
    await this.check();
    expect([...this.oracle.windows.values()].every(({ reserved }) => reserved === 0)).toBe(true);
  }
}

test(
  'whatever is reserved, settled, crashed and folded in whatever order, nothing is overspent, lost or billed twice',
  { timeout: 120_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        await sql.script(
          'truncate cloister_egress.budget_window, cloister_egress.reservation, cloister_egress.usage, cloister_egress.test_clock',
        );
        await sql.query('insert into cloister_egress.test_clock values (now())', []);
        const run = new Run();
        await run.setClock(run.oracle.now);
        for (const given of steps) {
          await run.take(given);
          await run.check();
        }
        await run.end();
      }),
      { numRuns: 40 },
    );
  },
);
