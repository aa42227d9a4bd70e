/**
 * Budgets of API keys and users, beside those of their tenant and of the agent: accounts named `<UID>/key:<id>` and `<UID>/user:<digest>`, kept
 * like an agent's and by the same functions. What was used on behalf of a caller counts in its windows whether or not it has a limit.
 *
 * `caller_usage` says which part of a line of `usage` was used on whose behalf; what it does not mention, on nobody's that edge vouched for. It
 * is a table of its own so that old lines of it can go and `usage` stays; and so that replicas of the version before, which know `usage`
 * alone, go on while an upgrade rolls.
 *
 * Of a caller's windows, always: `settled + overrun - forfeited` is the sum of its part of `caller_usage`, while that is kept.
 */
export const callers = `
create table caller_usage (
  tenant_uid text not null,
  day date not null,
  model text not null,
  agent text not null,
  caller text not null,
  requests bigint not null default 0,
  input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  micro_usd bigint not null default 0,
  primary key (tenant_uid, day, model, agent, caller)
);
create index caller_usage_of_users on caller_usage (day) where caller like 'user:%';
create index budget_window_of_users on budget_window (starts_on) where position('/user:' in tenant_uid) > 0;

create function caller_account(p_uid text, p_caller text) returns text language sql immutable as $$
  select p_uid || '/' || p_caller
$$;

-- What was used on behalf of callers. The version before says nothing of any.
create function called_in(p_usage jsonb) returns table (
  tenant_uid text, day date, month date, model text, agent text, caller text, leased boolean, requests bigint, input_tokens bigint,
  output_tokens bigint, tokens bigint, micro_usd bigint, overrun_tokens bigint, overrun_micro_usd bigint
) language sql stable as $$
  select u."tenantUid",
    coalesce(u.day, cloister_egress.window_start('daily', cloister_egress.known_zone(u."timeZone"))),
    coalesce(u.month, cloister_egress.window_start('monthly', cloister_egress.known_zone(u."timeZone"))),
    u.model, u.agent, u.caller, u."callerLeased", u.requests, u."inputTokens", u."outputTokens", u."inputTokens" + u."outputTokens",
    u."microUsd", u."overrunTokens", u."overrunMicroUsd"
  from jsonb_to_recordset(p_usage) as u("tenantUid" text, "timeZone" text, day date, month date, model text, agent text, caller text,
    "callerLeased" boolean, requests bigint, "inputTokens" bigint, "outputTokens" bigint, "microUsd" bigint, "overrunTokens" bigint,
    "overrunMicroUsd" bigint)
  where u.caller <> ''
$$;

create or replace function billed_in(p_usage jsonb) returns table (
  account text, day date, month date, leased boolean, tokens bigint, micro_usd bigint, overrun_tokens bigint, overrun_micro_usd bigint
) language sql stable as $$
  with used as (select * from cloister_egress.usage_in(p_usage))
  select tenant_uid, day, month, tenant_leased, tokens, micro_usd, overrun_tokens, overrun_micro_usd from used
  union all
  select cloister_egress.agent_account(tenant_uid, agent), day, month, agent_leased, tokens, micro_usd, overrun_tokens, overrun_micro_usd
  from used where agent <> ''
  union all
  select cloister_egress.caller_account(tenant_uid, caller), day, month, leased, tokens, micro_usd, overrun_tokens, overrun_micro_usd
  from cloister_egress.called_in(p_usage)
$$;

alter function take_report(uuid, jsonb, jsonb) rename to take_accounts_report;
create function take_report(p_replica uuid, p_usage jsonb, p_returns jsonb) returns void language sql as $$
  select cloister_egress.take_accounts_report(p_replica, p_usage, p_returns);
  insert into cloister_egress.caller_usage as u (tenant_uid, day, model, agent, caller, requests, input_tokens, output_tokens, micro_usd)
  select tenant_uid, day, model, agent, caller, sum(requests), sum(input_tokens), sum(output_tokens), sum(micro_usd)
  from cloister_egress.called_in(p_usage) group by tenant_uid, day, model, agent, caller
  on conflict (tenant_uid, day, model, agent, caller) do update set
    requests = u.requests + excluded.requests,
    input_tokens = u.input_tokens + excluded.input_tokens,
    output_tokens = u.output_tokens + excluded.output_tokens,
    micro_usd = u.micro_usd + excluded.micro_usd
$$;

-- There is no end to users. Forgets what each of them used so many days ago or earlier, and windows that are long over, unless something is
-- leased of them. So many rows of each at most; gives how many there were. What another replica is at is left to it.
create function forget_users(p_days int, p_most int) returns bigint language plpgsql as $$
declare
  v_lines bigint;
  v_windows bigint;
begin
  delete from cloister_egress.caller_usage c using (
    select tenant_uid, day, model, agent, caller from cloister_egress.caller_usage
    where caller like 'user:%' and day < cloister_egress.clock()::date - p_days limit p_most for update skip locked
  ) as o
  where c.tenant_uid = o.tenant_uid and c.day = o.day and c.model = o.model and c.agent = o.agent and c.caller = o.caller;
  get diagnostics v_lines = row_count;
  delete from cloister_egress.budget_window w using (
    select tenant_uid, kind, starts_on from cloister_egress.budget_window b
    where position('/user:' in tenant_uid) > 0 and starts_on < cloister_egress.clock()::date - p_days
      and not exists (select from cloister_egress.lease l where l.tenant_uid = b.tenant_uid and b.starts_on in (l.day, l.month))
    limit p_most for update skip locked
  ) as o
  where w.tenant_uid = o.tenant_uid and w.kind = o.kind and w.starts_on = o.starts_on;
  get diagnostics v_windows = row_count;
  return greatest(v_lines, v_windows);
end
$$;
`;
