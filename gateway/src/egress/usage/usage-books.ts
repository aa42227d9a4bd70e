/** What the ledger holds of one tenant, read and never locked: at most a heartbeat older than what replicas have in memory. */
import { z } from 'zod';
import type { Sql } from '../budget/sql/sql.ts';

export const dimensions = ['day', 'model', 'agent', 'key', 'user'] as const;
export type Dimension = (typeof dimensions)[number];

/** What is told apart where nobody says what. */
export const usual: readonly Dimension[] = ['day', 'model', 'agent'];

export interface Asked {
  readonly tenantUid: string;
  readonly timeZone: string;
  /** First and last day, both counted. Undefined: the first of the month of `to`, and the present day. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** What is told apart. What is not, is summed. */
  readonly by: readonly Dimension[];
  /** An API key or a user, as edge names it, of whom alone is to be told; undefined: of all. */
  readonly caller: string | undefined;
  /** Those of whose own windows is to be told. */
  readonly agents: readonly string[];
}

/** Numbers are exact below 2^53: nine thousand million dollars. */
const counted = {
  requests: z.int(),
  inputTokens: z.int(),
  outputTokens: z.int(),
  cachedTokens: z.int(),
  cacheWriteTokens: z.int(),
  reasoningTokens: z.int(),
  microUsd: z.int(),
};
const parts = z.object({ spent: z.int(), debt: z.int(), reserved: z.int(), forfeited: z.int() });
/** `ends` in milliseconds since 1970. */
const window = z.object({ startsOn: z.string(), ends: z.number(), microUsd: parts, tokens: parts });
const windows = z.object({ daily: window, monthly: window });
export type WindowBooks = z.infer<typeof windows>;

/** Null where it is not told apart. */
const told = z.string().nullable();
const books = z.object({
  /** In which days are counted: UTC where Postgres does not know the zone that was asked for. */
  timeZone: z.string(),
  from: z.string(),
  to: z.string(),
  /** Key and user are empty for what was used on nobody's behalf that edge vouched for, and longer ago than that is kept. */
  lines: z.array(z.object({ day: told, model: told, agent: told, key: told, user: told, ...counted })),
  windows,
  /** Undefined where no caller was asked for. */
  callers: windows.nullable(),
  agents: z.array(z.object({ agent: z.string(), windows })),
});
export type UsageBooks = z.infer<typeof books>;

/** Gives one line more than `mostLines` where there are more. Rejects when the database cannot say. */
export type ReadUsage = (asked: Asked) => Promise<UsageBooks>;

export const mostLines = 10_000;

/** One statement, so that lines and windows are of the same moment. */
const text = `
with present as (
  select z as zone, cloister_egress.window_start('daily', z) as today, cloister_egress.window_start('monthly', z) as month
  from cloister_egress.known_zone($2) as z
), asked as (
  select coalesce($3::date, date_trunc('month', $4::date)::date, month) as first_day, coalesce($4::date, today) as last_day from present
), parts as (
  select u.day, u.model, u.agent, '' as caller, u.requests, u.input_tokens, u.output_tokens, u.cached_tokens, u.cache_write_tokens,
    u.reasoning_tokens, u.micro_usd
  from cloister_egress.usage u join asked a on u.day between a.first_day and a.last_day
  where u.tenant_uid = $1
  union all
  -- What callers used is part of the above, so it goes out of what nobody used.
  select c.day, c.model, c.agent, k.caller, k.sign * c.requests, k.sign * c.input_tokens, k.sign * c.output_tokens, k.sign * c.cached_tokens,
    k.sign * c.cache_write_tokens, k.sign * c.reasoning_tokens, k.sign * c.micro_usd
  from cloister_egress.caller_usage c join asked a on c.day between a.first_day and a.last_day
  cross join lateral (values (c.caller, 1), ('', -1)) as k(caller, sign)
  where c.tenant_uid = $1 and $12
), lines as (
  select case when $5::boolean then u.day end as day, case when $6::boolean then u.model end as model,
    case when $7::boolean then u.agent end as agent, case when $8::boolean then coalesce(substring(u.caller from '^key:(.*)'), '') end as key,
    case when $9::boolean then coalesce(substring(u.caller from '^user:(.*)'), '') end as "user",
    sum(u.requests) as requests, sum(u.input_tokens) as input_tokens, sum(u.output_tokens) as output_tokens,
    sum(u.cached_tokens) as cached_tokens, sum(u.cache_write_tokens) as cache_write_tokens, sum(u.reasoning_tokens) as reasoning_tokens,
    sum(u.micro_usd) as micro_usd
  from parts u
  where $10::text is null or u.caller = $10
  group by 1, 2, 3, 4, 5
  having sum(u.requests) <> 0 or not $12::boolean
  order by 1, 2, 3, 4, 5
  limit ${mostLines + 1}
), accounts as (
  select $1::text as account, null as agent
  union all select cloister_egress.agent_account($1, name), name from jsonb_array_elements_text($11::jsonb) as name
  union all select cloister_egress.caller_account($1, $10), $10 where $10::text is not null
), windows as (
  select a.account, a.agent, k.kind, k.starts_on, extract(epoch from cloister_egress.window_end(k.kind, p.zone, k.starts_on)) * 1000 as ends,
    jsonb_build_object('spent', coalesce(w.settled_micro_usd + w.overrun_micro_usd, 0), 'debt', coalesce(w.debt_micro_usd, d.micro_usd, 0),
      'reserved', coalesce(w.reserved_micro_usd, 0), 'forfeited', coalesce(w.forfeited_micro_usd, 0)) as micro_usd,
    jsonb_build_object('spent', coalesce(w.settled_tokens + w.overrun_tokens, 0), 'debt', coalesce(w.debt_tokens, d.tokens, 0),
      'reserved', coalesce(w.reserved_tokens, 0), 'forfeited', coalesce(w.forfeited_tokens, 0)) as tokens
  from present p
  cross join accounts a
  cross join lateral (values ('daily', p.today), ('monthly', p.month)) as k(kind, starts_on)
  left join cloister_egress.budget_window w on w.tenant_uid = a.account and w.kind = k.kind and w.starts_on = k.starts_on
  -- With what it will begin, once somebody asks.
  left join lateral cloister_egress.debt_before(a.account, k.kind, k.starts_on) d on w.tenant_uid is null
), standings as (
  select account, agent, jsonb_object_agg(w.kind,
    jsonb_build_object('startsOn', w.starts_on, 'ends', w.ends, 'microUsd', w.micro_usd, 'tokens', w.tokens)) as windows
  from windows w group by account, agent
)
select jsonb_build_object(
  'timeZone', p.zone,
  'from', a.first_day,
  'to', a.last_day,
  'lines', coalesce((
    select jsonb_agg(jsonb_build_object('day', l.day, 'model', l.model, 'agent', l.agent, 'key', l.key, 'user', l."user",
      'requests', l.requests, 'inputTokens', l.input_tokens, 'outputTokens', l.output_tokens, 'cachedTokens', l.cached_tokens,
      'cacheWriteTokens', l.cache_write_tokens, 'reasoningTokens', l.reasoning_tokens, 'microUsd', l.micro_usd)
      order by l.day, l.model, l.agent, l.key, l."user")
    from lines l
  ), '[]'),
  'windows', (select s.windows from standings s where s.agent is null),
  'agents', coalesce((
    select jsonb_agg(jsonb_build_object('agent', s.agent, 'windows', s.windows) order by s.agent)
    from standings s where s.agent is not null and s.agent is distinct from $10
  ), '[]'),
  'callers', (select s.windows from standings s where s.agent = $10)
) as books
from present p, asked a`;

const rows = z.tuple([z.object({ books })]);

export const usageBooks =
  (sql: Sql): ReadUsage =>
  async ({ tenantUid, timeZone, from, to, by, caller, agents }) => {
    const grouped = dimensions.map((dimension) => by.includes(dimension));
    const ofCallers = caller !== undefined || by.includes('key') || by.includes('user');
    const [row] = rows.parse(
      await sql.query(
        text,
        [tenantUid, timeZone, from ?? null, to ?? null, ...grouped, caller ?? null, JSON.stringify(agents), ofCallers],
        'usage',
      ),
    );
    return row.books;
  };
