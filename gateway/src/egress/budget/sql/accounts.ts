/**
 * Budgets of agents, beside their tenant's. Every budget is an account with windows and leases of its own, kept by the same functions: a
 * tenant's is named by its UID, an agent's by `<UID>/<agent>`. What an agent uses counts in both, in one transaction, whether or not it has a
 * limit: one that is set at noon counts the morning.
 *
 * Of an agent's windows as of a tenant's, always: `settled + overrun - forfeited` is the sum of its part of `usage`.
 */
export const accounts = `
-- Messages of replicas of the version before that are being taken: what they use must be there before agents' windows are made from it.
lock table replica in exclusive mode;

create function agent_account(p_uid text, p_agent text) returns text language sql immutable as $$
  select p_uid || '/' || p_agent
$$;

-- The version before says nothing of leases: what it used in windows that it names, it had leased from the tenant's account.
drop function usage_in(jsonb);
create function usage_in(p_usage jsonb) returns table (
  tenant_uid text, tenant text, day date, month date, model text, agent text, tenant_leased boolean, agent_leased boolean, requests bigint,
  input_tokens bigint, output_tokens bigint, tokens bigint, micro_usd bigint, overrun_tokens bigint, overrun_micro_usd bigint
) language sql stable as $$
  select u."tenantUid", u.tenant,
    coalesce(u.day, cloister_egress.window_start('daily', cloister_egress.known_zone(u."timeZone"))),
    coalesce(u.month, cloister_egress.window_start('monthly', cloister_egress.known_zone(u."timeZone"))),
    u.model, u.agent, coalesce(u."tenantLeased", u.day is not null), coalesce(u."agentLeased", false), u.requests, u."inputTokens",
    u."outputTokens", u."inputTokens" + u."outputTokens", u."microUsd", u."overrunTokens", u."overrunMicroUsd"
  from jsonb_to_recordset(p_usage) as u("tenantUid" text, tenant text, "timeZone" text, day date, month date, model text, agent text,
    "tenantLeased" boolean, "agentLeased" boolean, requests bigint, "inputTokens" bigint, "outputTokens" bigint, "microUsd" bigint,
    "overrunTokens" bigint, "overrunMicroUsd" bigint)
$$;

-- Usage by the accounts in which it counts. Calls of pods that are no agent's count in the tenant's alone.
create function billed_in(p_usage jsonb) returns table (
  account text, day date, month date, leased boolean, tokens bigint, micro_usd bigint, overrun_tokens bigint, overrun_micro_usd bigint
) language sql stable as $$
  with used as (select * from cloister_egress.usage_in(p_usage))
  select tenant_uid, day, month, tenant_leased, tokens, micro_usd, overrun_tokens, overrun_micro_usd from used
  union all
  select cloister_egress.agent_account(tenant_uid, agent), day, month, agent_leased, tokens, micro_usd, overrun_tokens, overrun_micro_usd
  from used where agent <> ''
$$;

create or replace function take_report(p_replica uuid, p_usage jsonb, p_returns jsonb) returns void language sql as $$
  -- A message that began under the version before has locked, and made, the tenant's windows alone.
  insert into cloister_egress.budget_window (tenant_uid, kind, starts_on)
  select distinct b.account, k.kind, k.starts_on
  from cloister_egress.billed_in(p_usage) b cross join lateral (values ('daily', b.day), ('monthly', b.month)) as k(kind, starts_on)
  order by 1, 2, 3
  on conflict do nothing;
  with billed as (
    select * from cloister_egress.billed_in(p_usage)
  ), leaving as (
    select tenant_uid, day, month, sum(micro_usd)::bigint as micro_usd, sum(tokens)::bigint as tokens
    from (
      select account as tenant_uid, day, month, micro_usd - overrun_micro_usd as micro_usd, tokens - overrun_tokens as tokens
      from billed where leased
      union all select * from cloister_egress.returns_in(p_returns)
    ) as parts
    group by tenant_uid, day, month
  ), freed as (
    -- A unit without a limit is not leased, so more of it may leave than is there.
    update cloister_egress.lease l
    set micro_usd = greatest(l.micro_usd - g.micro_usd, 0), tokens = greatest(l.tokens - g.tokens, 0)
    from leaving g join cloister_egress.lease o using (tenant_uid, day, month)
    where o.replica = p_replica and l.replica = o.replica and l.tenant_uid = o.tenant_uid and l.day = o.day and l.month = o.month
    returning l.tenant_uid, l.day, l.month, o.micro_usd - l.micro_usd as micro_usd, o.tokens - l.tokens as tokens
  ), moves as (
    select tenant_uid, kind, starts_on,
      sum(freed_usd)::bigint as freed_usd, sum(freed_tokens)::bigint as freed_tokens,
      sum(settled_usd)::bigint as settled_usd, sum(settled_tokens)::bigint as settled_tokens,
      sum(overrun_usd)::bigint as overrun_usd, sum(overrun_tokens)::bigint as overrun_tokens
    from (
      select tenant_uid, day, month, micro_usd, tokens, 0, 0, 0, 0 from freed
      union all
      select account, day, month, 0, 0, micro_usd - overrun_micro_usd, tokens - overrun_tokens, overrun_micro_usd, overrun_tokens from billed
    ) as parts(tenant_uid, day, month, freed_usd, freed_tokens, settled_usd, settled_tokens, overrun_usd, overrun_tokens)
    cross join lateral (values ('daily', day), ('monthly', month)) as k(kind, starts_on)
    group by tenant_uid, kind, starts_on
  ), moved as (
    update cloister_egress.budget_window w set
      reserved_micro_usd = reserved_micro_usd - freed_usd,
      reserved_tokens = reserved_tokens - freed_tokens,
      settled_micro_usd = settled_micro_usd + settled_usd,
      settled_tokens = w.settled_tokens + m.settled_tokens,
      overrun_micro_usd = overrun_micro_usd + overrun_usd,
      overrun_tokens = w.overrun_tokens + m.overrun_tokens
    from moves m where w.tenant_uid = m.tenant_uid and w.kind = m.kind and w.starts_on = m.starts_on
  )
  insert into cloister_egress.usage as u (tenant_uid, tenant, day, model, agent, requests, input_tokens, output_tokens, micro_usd)
  select tenant_uid, max(tenant), day, model, agent, sum(requests), sum(input_tokens), sum(output_tokens), sum(micro_usd)
  from cloister_egress.usage_in(p_usage) group by tenant_uid, day, model, agent
  on conflict (tenant_uid, day, model, agent) do update set
    requests = u.requests + excluded.requests,
    input_tokens = u.input_tokens + excluded.input_tokens,
    output_tokens = u.output_tokens + excluded.output_tokens,
    micro_usd = u.micro_usd + excluded.micro_usd
$$;

-- The windows that a message touches, which are locked before anything else is done.
create function windows_of(p_replica uuid, p_expired boolean, p_usage jsonb, p_returns jsonb, p_asks jsonb) returns jsonb language sql stable as $$
  select jsonb_agg(k) from (
    select tenant_uid, day, month from cloister_egress.asks_in(p_asks)
    union select account, day, month from cloister_egress.billed_in(p_usage)
    union select tenant_uid, day, month from cloister_egress.returns_in(p_returns)
    union select tenant_uid, day, month from cloister_egress.lease where replica = p_replica and p_expired
  ) as k
$$;

create or replace function exchange(p_replica uuid, p_number bigint, p_leaving boolean, p_usage jsonb, p_returns jsonb, p_asks jsonb)
returns jsonb language plpgsql as $$
declare
  v_replica cloister_egress.replica;
  v_replicas bigint;
  v_keys jsonb;
  v_ask cloister_egress.ask;
begin
  if p_number = 1 then
    insert into cloister_egress.replica (id, number, seen_at) values (p_replica, 0, cloister_egress.clock()) on conflict do nothing;
  end if;
  select * into v_replica from cloister_egress.replica where id = p_replica for update;
  if not found or v_replica.number < p_number - 1 then
    return jsonb_build_object('forgotten', true);
  end if;
  select count(*) + 1 into v_replicas from cloister_egress.replica where expired_at is null and id <> p_replica;

  -- Of a message that was taken before, too: the windows of its asks must be there to be told of.
  v_keys := cloister_egress.windows_of(p_replica, v_replica.expired_at is not null, p_usage, p_returns, p_asks);
  if v_keys is not null then
    perform cloister_egress.lock_windows(v_keys);
  end if;
  if v_replica.expired_at is not null then
    perform cloister_egress.count_as_spent(array[p_replica], -1);
  end if;

  if v_replica.number = p_number - 1 then
    perform cloister_egress.take_report(p_replica, p_usage, p_returns);
    for v_ask in select * from cloister_egress.asks_in(p_asks) loop
      perform cloister_egress.grow(p_replica, v_ask, v_replicas);
    end loop;
    delete from cloister_egress.lease where replica = p_replica and micro_usd = 0 and tokens = 0;
  end if;
  update cloister_egress.replica set
    number = greatest(number, p_number),
    seen_at = cloister_egress.clock(),
    expired_at = case
      when p_leaving and not exists (select 1 from cloister_egress.lease where replica = p_replica) then cloister_egress.clock()
    end
  where id = p_replica;
  return cloister_egress.state_of(p_replica, p_asks, v_replicas);
end
$$;

-- Amounts are those of tenants' own budgets: what is held of an agent's as well is the same money.
create or replace function expire_silent(p_seconds double precision)
returns table (replica uuid, leases bigint, micro_usd bigint, tokens bigint) language plpgsql as $$
declare
  v_gone uuid[];
begin
  -- Not one that is speaking at this moment, and nobody is waited for.
  select array_agg(s.id) into v_gone from (
    select r.id from cloister_egress.replica r
    where r.expired_at is null and r.seen_at < cloister_egress.clock() - make_interval(secs => p_seconds)
    order by r.id for update skip locked
  ) as s;
  if v_gone is not null then
    perform 1 from cloister_egress.budget_window w
    where (w.tenant_uid, w.kind, w.starts_on) in (
      select l.tenant_uid, k.kind, k.starts_on from cloister_egress.lease l
      cross join lateral (values ('daily', l.day), ('monthly', l.month)) as k(kind, starts_on) where l.replica = any (v_gone))
    order by w.tenant_uid, w.kind, w.starts_on for update;
    perform cloister_egress.count_as_spent(v_gone, 1);
    update cloister_egress.replica r set expired_at = cloister_egress.clock() where r.id = any (v_gone);
  end if;
  delete from cloister_egress.replica r where r.expired_at < cloister_egress.clock() - interval '7 days';
  return query select l.replica, count(*) filter (where position('/' in l.tenant_uid) = 0),
      coalesce(sum(l.micro_usd) filter (where position('/' in l.tenant_uid) = 0), 0)::bigint,
      coalesce(sum(l.tokens) filter (where position('/' in l.tenant_uid) = 0), 0)::bigint
    from cloister_egress.lease l where l.replica = any (v_gone) group by l.replica;
end
$$;

-- What agents have used this month, from before their windows were kept.
insert into budget_window (tenant_uid, kind, starts_on, settled_micro_usd, settled_tokens)
select cloister_egress.agent_account(tenant_uid, agent), k.kind, k.starts_on, sum(micro_usd), sum(input_tokens + output_tokens)
from usage
cross join lateral (values ('daily', day), ('monthly', date_trunc('month', day)::date)) as k(kind, starts_on)
where agent <> '' and day >= date_trunc('month', cloister_egress.clock() - interval '1 day')::date
group by 1, 2, 3;
`;
