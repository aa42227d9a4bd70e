/**
 * `converse`: `exchange` for replicas that hold leases of many tenants. Their number costs nothing: an answer is about what the message was
 * about, and about leases that are recalled. What is said is parsed once, and each step is one statement for all tenants.
 *
 * Recalls: a replica may keep what is idle for as long as nobody needs it. Whoever asks for more leaves a mark at the leases of others in the
 * same windows that are larger than a slice of what is then free; so their holders hear of it at their next heartbeat, and give back at the one
 * after that what they would have given back at it, had they heard of these windows all the time.
 */
export const converse = `
alter table lease add recalled boolean not null default false;
create index lease_recalled on lease (replica) where recalled;
create index lease_of_account on lease (tenant_uid);

-- What calls used, as a message says it.
create type used as (
  tenant_uid text, tenant text, day date, month date, model text, agent text, caller text, tenant_leased boolean, agent_leased boolean,
  caller_leased boolean, requests bigint, input_tokens bigint, output_tokens bigint, tokens bigint, micro_usd bigint, overrun_tokens bigint,
  overrun_micro_usd bigint
);
create function used_in(p_usage jsonb) returns setof used language sql stable as $$
  select u."tenantUid", u.tenant,
    coalesce(u.day, cloister_egress.window_start('daily', cloister_egress.known_zone(u."timeZone"))),
    coalesce(u.month, cloister_egress.window_start('monthly', cloister_egress.known_zone(u."timeZone"))),
    u.model, u.agent, u.caller, u."tenantLeased", u."agentLeased", u."callerLeased", u.requests, u."inputTokens", u."outputTokens",
    u."inputTokens" + u."outputTokens", u."microUsd", u."overrunTokens", u."overrunMicroUsd"
  from jsonb_to_recordset(p_usage) as u("tenantUid" text, tenant text, "timeZone" text, day date, month date, model text, agent text, caller text,
    "tenantLeased" boolean, "agentLeased" boolean, "callerLeased" boolean, requests bigint, "inputTokens" bigint, "outputTokens" bigint,
    "microUsd" bigint, "overrunTokens" bigint, "overrunMicroUsd" bigint)
$$;

create or replace function asks_in(p_asks jsonb) returns setof ask language sql stable as $$
  with said as (
    select * from jsonb_to_recordset(p_asks) as a("tenantUid" text, "timeZone" text, limits jsonb, need jsonb, want jsonb)
  ), zones as materialized (
    select z.said, z.known, cloister_egress.window_start('daily', z.known) as day, cloister_egress.window_start('monthly', z.known) as month
    from (select d.said, cloister_egress.known_zone(d.said) as known from (select distinct "timeZone" as said from said) as d) as z
  )
  -- An account is asked for once in a message: what is free of it is given once.
  select distinct on (a."tenantUid") a."tenantUid", z.known, z.day, z.month, a.limits,
    (a.need ->> 'microUsd')::bigint, (a.need ->> 'tokens')::bigint, (a.want ->> 'microUsd')::bigint, (a.want ->> 'tokens')::bigint
  from said a join zones z on z.said = a."timeZone"
  order by a."tenantUid"
$$;

-- What a message says of one account in one day and its month: what goes out of the lease, and what goes into the windows.
create type part as (
  account text, day date, month date, is_leased boolean, leaving_usd bigint, leaving_tokens bigint, settled_usd bigint, settled_tokens bigint,
  overrun_usd bigint, overrun_tokens bigint
);
create function parts_in(p_used used[], p_returns jsonb) returns setof part language sql stable as $$
  select account, day, month, bool_or(leased), coalesce(sum(leaving_usd) filter (where leased), 0)::bigint,
    coalesce(sum(leaving_tokens) filter (where leased), 0)::bigint, sum(settled_usd)::bigint, sum(settled_tokens)::bigint,
    sum(overrun_usd)::bigint, sum(overrun_tokens)::bigint
  from (
    select c.account, u.day, u.month, c.leased, u.micro_usd - u.overrun_micro_usd, u.tokens - u.overrun_tokens,
      u.micro_usd - u.overrun_micro_usd, u.tokens - u.overrun_tokens, u.overrun_micro_usd, u.overrun_tokens
    from unnest(p_used) u cross join lateral (values
      (u.tenant_uid, u.tenant_leased),
      (case when u.agent <> '' then cloister_egress.agent_account(u.tenant_uid, u.agent) end, u.agent_leased),
      (case when u.caller <> '' then cloister_egress.caller_account(u.tenant_uid, u.caller) end, u.caller_leased)
    ) as c(account, leased)
    where c.account is not null
    union all
    select tenant_uid, day, month, true, micro_usd, tokens, 0, 0, 0, 0 from cloister_egress.returns_in(p_returns)
  ) as said(account, day, month, leased, leaving_usd, leaving_tokens, settled_usd, settled_tokens, overrun_usd, overrun_tokens)
  group by account, day, month
$$;

create type place as (tenant_uid text, day date, month date);

-- Makes the windows where they are missing, and locks them, in the one order that all keep. (A row that conflicts is locked by "do update",
-- whether or not its condition holds.)
create function lock_places(p_places place[]) returns void language plpgsql as $$
begin
  insert into cloister_egress.budget_window as w (tenant_uid, kind, starts_on)
  select distinct p.tenant_uid, k.kind, k.starts_on
  from unnest(p_places) p cross join lateral (values ('daily', p.day), ('monthly', p.month)) as k(kind, starts_on)
  order by 1, 2, 3
  on conflict (tenant_uid, kind, starts_on) do update set settled_tokens = w.settled_tokens where false;
end
$$;

-- The caller holds the locks. An update of a window comes once a statement, so what several days of a month add to it is summed up before.
create function take_parts(p_replica uuid, p_parts part[]) returns void language plpgsql as $$
begin
  with moves as materialized (
    -- A unit without a limit is not leased, and calls that cost nothing are leased nothing: more of it may leave than is there.
    select p.*, l.replica, least(coalesce(l.micro_usd, 0), p.leaving_usd) as freed_usd, least(coalesce(l.tokens, 0), p.leaving_tokens) as freed_tokens
    from unnest(p_parts) p left join cloister_egress.lease l
      on p.is_leased and l.replica = p_replica and l.tenant_uid = p.account and l.day = p.day and l.month = p.month
  ), freed as (
    update cloister_egress.lease l set micro_usd = l.micro_usd - m.freed_usd, tokens = l.tokens - m.freed_tokens, recalled = false
    from moves m where l.replica = m.replica and l.tenant_uid = m.account and l.day = m.day and l.month = m.month
  )
  update cloister_egress.budget_window w set
    reserved_micro_usd = w.reserved_micro_usd - m.freed_usd,
    reserved_tokens = w.reserved_tokens - m.freed_tokens,
    settled_micro_usd = w.settled_micro_usd + m.settled_usd,
    settled_tokens = w.settled_tokens + m.settled_tokens,
    overrun_micro_usd = w.overrun_micro_usd + m.overrun_usd,
    overrun_tokens = w.overrun_tokens + m.overrun_tokens
  from (
    select account, kind, starts_on, sum(freed_usd)::bigint as freed_usd, sum(freed_tokens)::bigint as freed_tokens,
      sum(settled_usd)::bigint as settled_usd, sum(settled_tokens)::bigint as settled_tokens,
      sum(overrun_usd)::bigint as overrun_usd, sum(overrun_tokens)::bigint as overrun_tokens
    from moves cross join lateral (values ('daily', day), ('monthly', month)) as k(kind, starts_on)
    group by account, kind, starts_on
  ) as m
  where w.tenant_uid = m.account and w.kind = m.kind and w.starts_on = m.starts_on;
end
$$;

create function take_usage(p_used used[]) returns void language plpgsql as $$
begin
  insert into cloister_egress.usage as u (tenant_uid, tenant, day, model, agent, requests, input_tokens, output_tokens, micro_usd)
  select tenant_uid, max(tenant), day, model, agent, sum(requests), sum(input_tokens), sum(output_tokens), sum(micro_usd)
  from unnest(p_used) group by tenant_uid, day, model, agent
  on conflict (tenant_uid, day, model, agent) do update set
    requests = u.requests + excluded.requests,
    input_tokens = u.input_tokens + excluded.input_tokens,
    output_tokens = u.output_tokens + excluded.output_tokens,
    micro_usd = u.micro_usd + excluded.micro_usd;
  insert into cloister_egress.caller_usage as u (tenant_uid, day, model, agent, caller, requests, input_tokens, output_tokens, micro_usd)
  select tenant_uid, day, model, agent, caller, sum(requests), sum(input_tokens), sum(output_tokens), sum(micro_usd)
  from unnest(p_used) where caller <> '' group by tenant_uid, day, model, agent, caller
  on conflict (tenant_uid, day, model, agent, caller) do update set
    requests = u.requests + excluded.requests,
    input_tokens = u.input_tokens + excluded.input_tokens,
    output_tokens = u.output_tokens + excluded.output_tokens,
    micro_usd = u.micro_usd + excluded.micro_usd;
end
$$;

-- Between what is needed and what is wanted or a slice, in all windows of an account; or nothing. Then recalls what others hold beyond a slice.
create function grow_all(p_replica uuid, p_asks ask[], p_replicas bigint) returns void language plpgsql as $$
begin
  with free as materialized (
    select a.*, f.usd as free_usd, f.tokens as free_tokens,
      coalesce(f.usd >= a.need_usd, true) and coalesce(f.tokens >= a.need_tokens, true) as is_enough
    from unnest(p_asks) a cross join lateral (
      select min(l."microUsd" - w.settled_micro_usd - w.overrun_micro_usd - w.reserved_micro_usd) as usd,
        min(l.tokens - w.settled_tokens - w.overrun_tokens - w.reserved_tokens) as tokens
      from jsonb_to_recordset(a.limits) as l(kind text, "microUsd" bigint, tokens bigint)
      join cloister_egress.budget_window w
        on w.tenant_uid = a.tenant_uid and w.kind = l.kind and w.starts_on = case l.kind when 'daily' then a.day else a.month end
    ) as f
  ), grants as materialized (
    select f.*, case when is_enough then cloister_egress.grant_of(free_usd, want_usd, p_replicas) else 0 end as usd,
      case when is_enough then cloister_egress.grant_of(free_tokens, want_tokens, p_replicas) else 0 end as tokens
    from free f
  ), given as (
    insert into cloister_egress.lease as l (replica, tenant_uid, day, month, micro_usd, tokens)
    select p_replica, tenant_uid, day, month, usd, tokens from grants where usd > 0 or tokens > 0
    on conflict (replica, tenant_uid, day, month) do update set
      micro_usd = l.micro_usd + excluded.micro_usd, tokens = l.tokens + excluded.tokens, recalled = false
  ), recalls as (
    update cloister_egress.lease l set recalled = true from grants g
    where l.tenant_uid = g.tenant_uid and l.replica <> p_replica and not l.recalled and (l.day = g.day or l.month = g.month)
      -- Of a unit without a limit none is missed. (Greatest ignores nulls.)
      and (g.free_usd is not null and l.micro_usd > greatest(g.free_usd - g.usd, 0) / (4 * p_replicas)
        or g.free_tokens is not null and l.tokens > greatest(g.free_tokens - g.tokens, 0) / (4 * p_replicas))
  )
  update cloister_egress.budget_window w
  set reserved_micro_usd = w.reserved_micro_usd + g.usd, reserved_tokens = w.reserved_tokens + g.tokens
  from grants g cross join lateral (values ('daily', g.day), ('monthly', g.month)) as k(kind, starts_on)
  where (g.usd > 0 or g.tokens > 0) and w.tenant_uid = g.tenant_uid and w.kind = k.kind and w.starts_on = k.starts_on;
end
$$;

-- Leases as arrays: account, day, month, what is held, then what is settled and reserved of the day, and of the month; money before tokens.
create function leases_at(p_replica uuid, p_places place[]) returns json language plpgsql stable as $$
begin
  return (
  select coalesce(json_agg(json_build_array(p.tenant_uid, p.day, p.month, coalesce(l.micro_usd, 0)::text, coalesce(l.tokens, 0)::text,
    (d.settled_micro_usd + d.overrun_micro_usd)::text, (d.settled_tokens + d.overrun_tokens)::text, d.reserved_micro_usd::text, d.reserved_tokens::text,
    (m.settled_micro_usd + m.overrun_micro_usd)::text, (m.settled_tokens + m.overrun_tokens)::text, m.reserved_micro_usd::text, m.reserved_tokens::text)), '[]')
  from unnest(p_places) p
  left join cloister_egress.lease l on l.replica = p_replica and l.tenant_uid = p.tenant_uid and l.day = p.day and l.month = p.month
  join cloister_egress.budget_window d on d.tenant_uid = p.tenant_uid and d.kind = 'daily' and d.starts_on = p.day
  join cloister_egress.budget_window m on m.tenant_uid = p.tenant_uid and m.kind = 'monthly' and m.starts_on = p.month);
end
$$;

-- In which windows those who asked are at present.
create function present_of(p_asks ask[]) returns json language sql stable as $$
  select coalesce(json_agg(json_build_object('tenantUid', a.tenant_uid, 'day', a.day, 'month', a.month, 'ends', z.ends)), '[]')
  from unnest(p_asks) a join (
    select time_zone, day, month, json_build_object(
      'daily', cloister_egress.epoch_ms(cloister_egress.window_end('daily', time_zone, day)),
      'monthly', cloister_egress.epoch_ms(cloister_egress.window_end('monthly', time_zone, month))) as ends
    from (select distinct time_zone, day, month from unnest(p_asks)) as zones
  ) as z using (time_zone, day, month)
$$;

create function converse(p_replica uuid, p_number bigint, p_leaving boolean, p_usage jsonb, p_returns jsonb, p_asks jsonb)
returns json language plpgsql as $$
declare
  v_replica cloister_egress.replica;
  v_replicas bigint;
  v_used cloister_egress.used[];
  v_parts cloister_egress.part[];
  v_asks cloister_egress.ask[];
  v_places cloister_egress.place[];
begin
  if p_number = 1 then
    insert into cloister_egress.replica (id, number, seen_at) values (p_replica, 0, cloister_egress.clock()) on conflict do nothing;
  end if;
  select * into v_replica from cloister_egress.replica where id = p_replica for update;
  if not found or v_replica.number < p_number - 1 then
    return json_build_object('forgotten', true);
  end if;
  select count(*) + 1 into v_replicas from cloister_egress.replica where expired_at is null and id <> p_replica;
  v_used := array(select u from cloister_egress.used_in(p_usage) u);
  v_parts := array(select p from cloister_egress.parts_in(v_used, p_returns) p);
  v_asks := array(select a from cloister_egress.asks_in(p_asks) a);

  -- Of a message that was taken before, too: the windows of its asks must be there to be told of.
  v_places := array(select row(t.tenant_uid, t.day, t.month)::cloister_egress.place from (
    select tenant_uid, day, month from unnest(v_asks)
    union select account, day, month from unnest(v_parts)
    union select tenant_uid, day, month from cloister_egress.lease where replica = p_replica and v_replica.expired_at is not null
  ) as t);
  perform cloister_egress.lock_places(v_places);
  if v_replica.expired_at is not null then
    perform cloister_egress.count_as_spent(array[p_replica], -1);
  end if;

  if v_replica.number = p_number - 1 then
    perform cloister_egress.take_parts(p_replica, v_parts);
    perform cloister_egress.take_usage(v_used);
    perform cloister_egress.grow_all(p_replica, v_asks, v_replicas);
    delete from cloister_egress.lease l using unnest(v_parts) p
    where l.replica = p_replica and l.tenant_uid = p.account and l.day = p.day and l.month = p.month and l.micro_usd = 0 and l.tokens = 0;
  end if;
  update cloister_egress.replica set
    number = greatest(number, p_number),
    seen_at = cloister_egress.clock(),
    expired_at = case
      when p_leaving and not exists (select 1 from cloister_egress.lease where replica = p_replica) then cloister_egress.clock()
    end
  where id = p_replica;
  return json_build_object('now', cloister_egress.epoch_ms(cloister_egress.clock()), 'replicas', v_replicas,
    'leases', cloister_egress.leases_at(p_replica, array(
      select row(t.tenant_uid, t.day, t.month)::cloister_egress.place from (
        select tenant_uid, day, month from unnest(v_asks)
        union select account, day, month from unnest(v_parts) where is_leased
        union select tenant_uid, day, month from cloister_egress.lease where replica = p_replica and recalled
        -- The day may be over on which it was given.
        union select l.tenant_uid, l.day, l.month from unnest(v_asks) a
          join cloister_egress.lease l on l.replica = p_replica and l.tenant_uid = a.tenant_uid
      ) as t)),
    'present', cloister_egress.present_of(v_asks));
end
$$;

-- For replicas of the version before, which take it that they hold what an answer lists, and nothing else.
create or replace function grow(p_replica uuid, p_ask ask, p_replicas bigint) returns void language sql as $$
  select cloister_egress.grow_all(p_replica, array[p_ask], p_replicas)
$$;
`;
