/** Many callers at once on several replicas, against the tables and functions of Postgres. A token costs a micro-dollar. */
import { createLogger } from '@cloister/telemetry';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { LeasedBudget } from './budget.ts';
import { ledger } from './ledger.ts';
import { migrate } from './migrate.ts';
import { priceOf } from './money.ts';
import { pglite } from './sql/pglite.fixture.ts';

const log = createLogger({ name: 'egress', level: 'fatal' });
const worst = { inputTokens: 0, outputTokens: 100, named: true, price: priceOf({ inputPerMillion: 1, outputPerMillion: 1 }) };
const dollars = (micro: number) => ({ daily: { usd: micro / 1e6 } });
/** In micro-dollars, of a day. Together the callers may spend more than the agent, and the agents more than the tenant. */
const limits = { tenant: 12_000, agent: 9_000, key: 4_000, user: 1_500 };
const key = 'key:k';
const users = Array.from({ length: 6 }, (_, at) => `user:${at}`);
const rows = z.array(z.object({ account: z.string(), settled: z.number(), reserved: z.number() }));

test(
  'no budget of a tenant, its agents, its keys or its users is overspent, and each is told what it spent',
  { timeout: 60_000 },
  async () => {
    await using sql = await pglite();
    await migrate(sql);
    const replicas = Array.from({ length: 3 }, () => new LeasedBudget(ledger(sql), { log }));
    const spent = new Map<string, number>();
    const call = async (turn: number): Promise<boolean> => {
      const agent = turn % 3 === 0 ? 'b' : 'a';
      const caller = [key, ...users, ''][turn % 8] ?? '';
      const of = { tenantUid: 'u', tenant: 't', agent, caller, model: 'p/m', timeZone: 'UTC' };
      const ofCaller = caller === '' ? undefined : dollars(caller === key ? limits.key : limits.user);
      const own = { timeZone: 'UTC', ...dollars(limits.tenant), ofAgent: dollars(limits.agent), ofCaller };
      const reservation = await replicas[Math.floor(turn / 8) % 3]?.reserve(of, own, worst).catch(() => undefined);
      if (!reservation) return false;
      const outputTokens = 1 + ((turn * 37) % reservation.outputTokens);
      reservation.settle({ inputTokens: 0, outputTokens });
      for (const account of ['u', `u/${agent}`, ...(caller === '' ? [] : [`u/${caller}`])])
        spent.set(account, (spent.get(account) ?? 0) + outputTokens);
      return true;
    };
    const admitted = await Promise.all(Array.from({ length: 600 }, (_, turn) => call(turn)));
    await Promise.all(replicas.map((replica) => replica.close()));

    expect(new Set(admitted)).toEqual(new Set([true, false]));
    const found = rows.parse(
      await sql.query(
        `select tenant_uid as account, settled_micro_usd::int as settled, reserved_micro_usd::int as reserved
       from cloister_egress.budget_window where kind = 'daily' and settled_micro_usd > 0`,
        [],
      ),
    );
    expect(Object.fromEntries(found.map(({ account, settled }) => [account, settled]))).toEqual(Object.fromEntries(spent));
    for (const { account, settled, reserved } of found) {
      const limit =
        account === 'u' ? limits.tenant : account.includes('key:') ? limits.key : account.includes('user:') ? limits.user : limits.agent;
      expect(settled, account).toBeLessThanOrEqual(limit);
      expect(reserved, account).toBe(0);
    }
  },
);
