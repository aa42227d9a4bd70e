/**
 * `exchange`: all that a replica has to say, in one transaction: what its calls used, what it gives back, what it asks for; then how its
 * leases and their windows stand. Said again (the answer was lost), it changes nothing and answers as things stand.
 */
export const exchange = `
-- Days of a zone that this Postgres does not know begin at midnight UTC: one tenant's zone must not stop everybody's budgets.
create function known_zone(p_zone text) returns text language plpgsql stable as $$
begin
  perform cloister_egress.clock() at time zone p_zone;
  return p_zone;
exception when invalid_parameter_value then
  return 'UTC';
end
$$;

-- What was used under a lease names its windows; what was used without one belongs to the present ones.
create function usage_in(p_usage jsonb) returns table (
  tenant_uid text, tenant text, day date, month date, model text, agent text, leased boolean, requests bigint,
  input_tokens bigint, output_tokens bigint, tokens bigint, micro_usd bigint, overrun_tokens bigint, overrun_micro_usd bigint
) language sql stable as $$
  select u."tenantUid", u.tenant,
    coalesce(u.day, cloister_egress.window_start('daily', cloister_egress.known_zone(u."timeZone"))),
    coalesce(u.month, cloister_egress.window_start('monthly', cloister_egress.known_zone(u."timeZone"))),
    u.model, u.agent, u.day is not null, u.requests, u."inputTokens", u."outputTokens",
    u."inputTokens" + u."outputTokens", u."microUsd", u."overrunTokens", u."overrunMicroUsd"
  from jsonb_to_recordset(p_usage) as u("tenantUid" text, tenant text, "timeZone" text, day date, month date, model text, agent text,
    requests bigint, "inputTokens" bigint, "outputTokens" bigint, "microUsd" bigint, "overrunTokens" bigint, "overrunMicroUsd" bigint)
$$;

create function returns_in(p_returns jsonb) returns table (tenant_uid text, day date, month date, micro_usd bigint, tokens bigint)
language sql stable as $$
  select r."tenantUid", r.day, r.month, r."microUsd", r.tokens
  from jsonb_to_recordset(p_returns) as r("tenantUid" text, day date, month date, "microUsd" bigint, tokens bigint)
$$;

create type ask as (
  tenant_uid text, time_zone text, day date, month date, limits jsonb, need_usd bigint, need_tokens bigint, want_usd bigint, want_tokens bigint
);

create function asks_in(p_asks jsonb) returns setof ask language sql stable as $$
  select a."tenantUid", z, cloister_egress.window_start('daily', z), cloister_egress.window_start('monthly', z), a.limits,
    (a.need ->> 'microUsd')::bigint, (a.need ->> 'tokens')::bigint, (a.want ->> 'microUsd')::bigint, (a.want ->> 'tokens')::bigint
  from jsonb_to_recordset(p_asks) as a("tenantUid" text, "timeZone" text, limits jsonb, need jsonb, want jsonb)
  cross join lateral cloister_egress.known_zone(a."timeZone") z
$$;

-- Makes the windows where they are missing, and locks them, in the one order that all keep. (A row that conflicts is locked by "do update",
-- whether or not its condition holds.)
create function lock_windows(p_keys jsonb) returns void language sql as $$
  insert into cloister_egress.budget_window as w (tenant_uid, kind, starts_on)
  select distinct t.tenant_uid, k.kind, k.starts_on
  from jsonb_to_recordset(p_keys) as t(tenant_uid text, day date, month date)
  cross join lateral (values ('daily', t.day), ('monthly', t.month)) as k(kind, starts_on)
  order by 1, 2, 3
  on conflict (tenant_uid, kind, starts_on) do update set settled_tokens = w.settled_tokens where false
$$;

-- Usage and returns go out of the leases, usage into what is settled. The caller holds the locks.
create function take_report(p_replica uuid, p_usage jsonb, p_returns jsonb) returns void language sql as $$
  with used as (
    select * from cloister_egress.usage_in(p_usage)
  ), leaving as (
    select tenant_uid, day, month, sum(micro_usd)::bigint as micro_usd, sum(tokens)::bigint as tokens
    from (
      select tenant_uid, day, month, micro_usd - overrun_micro_usd as micro_usd, tokens - overrun_tokens as tokens from used where leased
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
      select tenant_uid, day, month, 0, 0, micro_usd - overrun_micro_usd, tokens - overrun_tokens, overrun_micro_usd, overrun_tokens from used
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
  from used group by tenant_uid, day, model, agent
  on conflict (tenant_uid, day, model, agent) do update set
    requests = u.requests + excluded.requests,
    input_tokens = u.input_tokens + excluded.input_tokens,
    output_tokens = u.output_tokens + excluded.output_tokens,
    micro_usd = u.micro_usd + excluded.micro_usd
$$;

-- Of one unit. Nothing where it has no limit (it is not leased) or none is wanted.
create function grant_of(p_free bigint, p_want bigint, p_replicas bigint) returns bigint language sql immutable as $$
  select case when p_free is null or p_want <= 0 then 0 else least(p_free, greatest(p_want, p_free / (4 * p_replicas))) end
$$;

-- Between what is needed and what is wanted or a slice, in all windows; or nothing.
create function grow(p_replica uuid, p_ask cloister_egress.ask, p_replicas bigint) returns void language plpgsql as $$
declare
  v_free_usd bigint;
  v_free_tokens bigint;
  v_usd bigint;
  v_tokens bigint;
begin
  select min(s.allowed - s.settled - s.reserved) filter (where s.unit = 'money'),
    min(s.allowed - s.settled - s.reserved) filter (where s.unit = 'tokens')
  into v_free_usd, v_free_tokens
  from cloister_egress.standing(p_ask.tenant_uid, p_ask.day, p_ask.month, p_ask.limits) s;
  if v_free_usd < p_ask.need_usd or v_free_tokens < p_ask.need_tokens then
    return;
  end if;
  v_usd := cloister_egress.grant_of(v_free_usd, p_ask.want_usd, p_replicas);
  v_tokens := cloister_egress.grant_of(v_free_tokens, p_ask.want_tokens, p_replicas);
  insert into cloister_egress.lease as l (replica, tenant_uid, day, month, micro_usd, tokens)
  values (p_replica, p_ask.tenant_uid, p_ask.day, p_ask.month, v_usd, v_tokens)
  on conflict (replica, tenant_uid, day, month) do update set
    micro_usd = l.micro_usd + excluded.micro_usd, tokens = l.tokens + excluded.tokens;
  perform cloister_egress.move(p_ask.tenant_uid, p_ask.day, p_ask.month, v_usd, v_tokens, 0, 0, 0, 0);
end
$$;

create function standing_json(w cloister_egress.budget_window) returns jsonb language sql immutable as $$
  select jsonb_build_object(
    'settled', jsonb_build_object(
      'microUsd', (w.settled_micro_usd + w.overrun_micro_usd)::text, 'tokens', (w.settled_tokens + w.overrun_tokens)::text),
    'reserved', jsonb_build_object('microUsd', w.reserved_micro_usd::text, 'tokens', w.reserved_tokens::text))
$$;

create function epoch_ms(p_at timestamptz) returns bigint language sql immutable as $$
  select (extract(epoch from p_at) * 1000)::bigint
$$;

-- The leases of a replica and the present windows of those for whom it asked.
create function state_of(p_replica uuid, p_asks jsonb, p_replicas bigint) returns jsonb language sql stable as $$
  with asked as (
    select * from cloister_egress.asks_in(p_asks)
  ), held as (
    select tenant_uid, day, month, micro_usd, tokens from cloister_egress.lease where replica = p_replica
  ), listed as (
    select * from held
    union all
    select tenant_uid, day, month, 0, 0 from asked where (tenant_uid, day, month) not in (select tenant_uid, day, month from held)
  )
  select jsonb_build_object(
    'now', cloister_egress.epoch_ms(cloister_egress.clock()),
    'replicas', p_replicas,
    'leases', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'tenantUid', l.tenant_uid, 'day', l.day, 'month', l.month,
        'amount', jsonb_build_object('microUsd', l.micro_usd::text, 'tokens', l.tokens::text),
        'windows', jsonb_build_object('daily', cloister_egress.standing_json(d), 'monthly', cloister_egress.standing_json(m)))), '[]')
      from listed l
      join cloister_egress.budget_window d on d.tenant_uid = l.tenant_uid and d.kind = 'daily' and d.starts_on = l.day
      join cloister_egress.budget_window m on m.tenant_uid = l.tenant_uid and m.kind = 'monthly' and m.starts_on = l.month),
    'present', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'tenantUid', a.tenant_uid, 'day', a.day, 'month', a.month, 'ends', jsonb_build_object(
          'daily', cloister_egress.epoch_ms(cloister_egress.window_end('daily', a.time_zone, a.day)),
          'monthly', cloister_egress.epoch_ms(cloister_egress.window_end('monthly', a.time_zone, a.month))))), '[]')
      from asked a))
$$;

create function exchange(p_replica uuid, p_number bigint, p_leaving boolean, p_usage jsonb, p_returns jsonb, p_asks jsonb)
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
  select jsonb_agg(k) into v_keys from (
    select tenant_uid, day, month from cloister_egress.asks_in(p_asks)
    union select tenant_uid, day, month from cloister_egress.usage_in(p_usage)
    union select tenant_uid, day, month from cloister_egress.returns_in(p_returns)
    union select tenant_uid, day, month from cloister_egress.lease where replica = p_replica and v_replica.expired_at is not null
  ) as k;
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
`;
