/** What the ledger holds of all tenants' present windows, read by one statement and never locked: at most a heartbeat old. */
import { z } from 'zod';
import type { Sql } from '../budget/sql/sql.ts';

export interface AskedAccount {
  readonly uid: string;
  readonly timeZone: string;
}

/** Windows that are missing have used nothing, and owe what they will begin with. A zone is looked up once, however many tenants live in it. */
const text = `
with asked as (
  select * from jsonb_to_recordset($1::jsonb) as a(uid text, "timeZone" text)
), zones as (
  select a."timeZone" as asked, cloister_egress.window_start('daily', z) as day, cloister_egress.window_start('monthly', z) as month
  from (select distinct "timeZone" from asked) a cross join lateral cloister_egress.known_zone(a."timeZone") as z
), present as (
  select a.uid, z.day, z.month,
    coalesce(m.settled_micro_usd + m.overrun_micro_usd, 0) as month_usd, coalesce(m.settled_tokens + m.overrun_tokens, 0) as month_tokens,
    coalesce(m.debt_micro_usd, n.micro_usd, 0) as month_debt_usd, coalesce(m.debt_tokens, n.tokens, 0) as month_debt_tokens,
    coalesce(d.settled_micro_usd + d.overrun_micro_usd, 0) as day_usd, coalesce(d.settled_tokens + d.overrun_tokens, 0) as day_tokens,
    coalesce(d.debt_micro_usd, b.micro_usd, 0) as day_debt_usd, coalesce(d.debt_tokens, b.tokens, 0) as day_debt_tokens
  from asked a
  join zones z on z.asked = a."timeZone"
  left join cloister_egress.budget_window m on m.tenant_uid = a.uid and m.kind = 'monthly' and m.starts_on = z.month
  left join cloister_egress.budget_window d on d.tenant_uid = a.uid and d.kind = 'daily' and d.starts_on = z.day
  left join lateral cloister_egress.debt_before(a.uid, 'daily', z.day) b on d.tenant_uid is null
  left join lateral cloister_egress.debt_before(a.uid, 'monthly', z.month) n on m.tenant_uid is null
)
select uid,
  jsonb_build_object('startsOn', day, 'microUsd', day_usd, 'tokens', day_tokens, 'debtMicroUsd', day_debt_usd, 'debtTokens', day_debt_tokens) as daily,
  jsonb_build_object('startsOn', month, 'microUsd', month_usd, 'tokens', month_tokens, 'debtMicroUsd', month_debt_usd, 'debtTokens', month_debt_tokens) as monthly
from present where month_usd + month_tokens + month_debt_usd + month_debt_tokens + day_debt_usd + day_debt_tokens > 0`;

const window = z.object({ startsOn: z.string(), microUsd: z.int(), tokens: z.int(), debtMicroUsd: z.int(), debtTokens: z.int() });
const rows = z.array(z.object({ uid: z.string(), daily: window, monthly: window }));
export type EveryBooks = z.infer<typeof rows>[number];

/** Of those among the accounts that have used something this month, or owe something. Rejects when the database cannot say. */
export type ReadEveryUsage = (accounts: readonly AskedAccount[]) => Promise<readonly EveryBooks[]>;

export const everyBooks =
  (sql: Sql): ReadEveryUsage =>
  async (accounts) =>
    rows.parse(await sql.query(text, [JSON.stringify(accounts)], 'every-usage'));
