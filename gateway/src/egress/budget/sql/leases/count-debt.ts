/**
 * Debt is used like what was billed: for what is free, and for what replicas are told of their windows, whichever version they are of. And what
 * passes it on is kept and locked: the limit under which was asked last, and the windows that follow those that a message names.
 *
 * Of every window, always: `settled + reserved + overrun + debt ≤ limit` at the moment something is reserved.
 */
export const countDebt = `
-- A month more than once, where several of its days are named.
create function windows_of(p_places place[]) returns table (tenant_uid text, kind text, starts_on date) language sql stable as $$
  select p.tenant_uid, k.kind, k.starts_on
  from unnest(p_places) p cross join lateral (values ('daily', p.day), ('monthly', p.month)) as k(kind, starts_on)
$$;

-- Makes the windows where they are missing, and locks them and those that follow, in the one order that all keep. (A row that conflicts is locked
-- by "do update", whether or not its condition holds.)
create or replace function lock_places(p_places place[]) returns void language plpgsql as $$
begin
  if exists (
    select from cloister_egress.windows_of(p_places) n where not exists (
      select from cloister_egress.budget_window w where w.tenant_uid = n.tenant_uid and w.kind = n.kind and w.starts_on = n.starts_on)
  ) then
    insert into cloister_egress.budget_window as w (tenant_uid, kind, starts_on)
    select n.tenant_uid, n.kind, n.starts_on from cloister_egress.windows_of(p_places) n
    union select f.tenant_uid, f.kind, f.starts_on from cloister_egress.windows_of(p_places) n
      join cloister_egress.budget_window f on f.tenant_uid = n.tenant_uid and f.kind = n.kind and f.starts_on > n.starts_on
    order by 1, 2, 3
    on conflict (tenant_uid, kind, starts_on) do update set settled_tokens = w.settled_tokens where false;
  else
    perform 1 from (
      select n.tenant_uid, n.kind, min(n.starts_on) as starts_on from cloister_egress.windows_of(p_places) n group by n.tenant_uid, n.kind
    ) as n join cloister_egress.budget_window w on w.tenant_uid = n.tenant_uid and w.kind = n.kind and w.starts_on >= n.starts_on
    order by w.tenant_uid, w.kind, w.starts_on for update of w;
  end if;
end
$$;

create or replace function lock_windows(p_keys jsonb) returns void language sql as $$
  select cloister_egress.lock_places(array(
    select row(t.tenant_uid, t.day, t.month)::cloister_egress.place from jsonb_to_recordset(p_keys) as t(tenant_uid text, day date, month date)))
$$;

-- Between what is needed and what is wanted or a slice, in all windows of an account; or nothing. Then recalls what others hold beyond a slice.
-- A limit under which is asked is kept, until it is asked for under another; where what is asked for is to go no further than a share of it, that
-- is "whole".
create or replace function grow_all(p_replica uuid, p_asks ask[], p_replicas bigint) returns void language plpgsql as $$
begin
  with free as materialized (
    select a.*, f.usd as free_usd, f.tokens as free_tokens, f.day_usd, f.day_tokens, f.month_usd, f.month_tokens,
      coalesce(f.usd >= a.need_usd, true) and coalesce(f.tokens >= a.need_tokens, true) as is_enough
    from unnest(p_asks) a cross join lateral (
      select min(l."microUsd" - w.settled_micro_usd - w.overrun_micro_usd - w.debt_micro_usd - w.reserved_micro_usd) as usd,
        min(l.tokens - w.settled_tokens - w.overrun_tokens - w.debt_tokens - w.reserved_tokens) as tokens,
        max(coalesce((l.whole ->> 'microUsd')::bigint, l."microUsd")) filter (where l.kind = 'daily') as day_usd,
        max(coalesce((l.whole ->> 'tokens')::bigint, l.tokens)) filter (where l.kind = 'daily') as day_tokens,
        max(coalesce((l.whole ->> 'microUsd')::bigint, l."microUsd")) filter (where l.kind = 'monthly') as month_usd,
        max(coalesce((l.whole ->> 'tokens')::bigint, l.tokens)) filter (where l.kind = 'monthly') as month_tokens
      from jsonb_to_recordset(a.limits) as l(kind text, "microUsd" bigint, tokens bigint, whole jsonb)
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
  set reserved_micro_usd = w.reserved_micro_usd + g.usd, reserved_tokens = w.reserved_tokens + g.tokens,
    limit_micro_usd = coalesce(k.limit_usd, w.limit_micro_usd), limit_tokens = coalesce(k.limit_tokens, w.limit_tokens)
  from grants g cross join lateral (
    values ('daily', g.day, g.day_usd, g.day_tokens), ('monthly', g.month, g.month_usd, g.month_tokens)
  ) as k(kind, starts_on, limit_usd, limit_tokens)
  where w.tenant_uid = g.tenant_uid and w.kind = k.kind and w.starts_on = k.starts_on
    and (g.usd > 0 or g.tokens > 0 or (w.limit_micro_usd, w.limit_tokens)
      is distinct from (coalesce(k.limit_usd, w.limit_micro_usd), coalesce(k.limit_tokens, w.limit_tokens)));
end
$$;

-- Leases as arrays: account, day, month, what is held, then what is used (debt included) and reserved of the day, and of the month; money before tokens.
create or replace function leases_at(p_replica uuid, p_places place[]) returns json language plpgsql stable as $$
begin
  return (
  select coalesce(json_agg(json_build_array(p.tenant_uid, p.day, p.month, coalesce(l.micro_usd, 0)::text, coalesce(l.tokens, 0)::text,
    (d.settled_micro_usd + d.overrun_micro_usd + d.debt_micro_usd)::text, (d.settled_tokens + d.overrun_tokens + d.debt_tokens)::text,
    d.reserved_micro_usd::text, d.reserved_tokens::text,
    (m.settled_micro_usd + m.overrun_micro_usd + m.debt_micro_usd)::text, (m.settled_tokens + m.overrun_tokens + m.debt_tokens)::text,
    m.reserved_micro_usd::text, m.reserved_tokens::text)), '[]')
  from unnest(p_places) p
  left join cloister_egress.lease l on l.replica = p_replica and l.tenant_uid = p.tenant_uid and l.day = p.day and l.month = p.month
  join cloister_egress.budget_window d on d.tenant_uid = p.tenant_uid and d.kind = 'daily' and d.starts_on = p.day
  join cloister_egress.budget_window m on m.tenant_uid = p.tenant_uid and m.kind = 'monthly' and m.starts_on = p.month);
end
$$;

-- How far a window is from its limits: one row per limit, so up to four.
create or replace function standing(p_uid text, p_day date, p_month date, p_limits jsonb)
returns table (kind text, starts_on date, unit text, settled bigint, reserved bigint, allowed bigint) language sql stable as $$
  select w.kind, w.starts_on, x.unit, x.settled, x.reserved, x.allowed
  from cloister_egress.budget_window w
  join jsonb_to_recordset(p_limits) as l(kind text, "microUsd" bigint, tokens bigint) on l.kind = w.kind
  cross join lateral (values
    ('money', w.settled_micro_usd + w.overrun_micro_usd + w.debt_micro_usd, w.reserved_micro_usd, l."microUsd"),
    ('tokens', w.settled_tokens + w.overrun_tokens + w.debt_tokens, w.reserved_tokens, l.tokens)
  ) as x(unit, settled, reserved, allowed)
  where w.tenant_uid = p_uid and x.allowed is not null
    and ((w.kind = 'daily' and w.starts_on = p_day) or (w.kind = 'monthly' and w.starts_on = p_month))
$$;

create or replace function standing_json(w cloister_egress.budget_window) returns jsonb language sql immutable as $$
  select jsonb_build_object(
    'settled', jsonb_build_object(
      'microUsd', (w.settled_micro_usd + w.overrun_micro_usd + w.debt_micro_usd)::text, 'tokens', (w.settled_tokens + w.overrun_tokens + w.debt_tokens)::text),
    'reserved', jsonb_build_object('microUsd', w.reserved_micro_usd::text, 'tokens', w.reserved_tokens::text))
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
    perform cloister_egress.lock_places(array(
      select row(l.tenant_uid, l.day, l.month)::cloister_egress.place from cloister_egress.lease l where l.replica = any (v_gone)));
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

-- There is no end to users. Forgets what each of them used so many days ago or earlier, and windows that are long over, unless something is
-- leased of them, or still owed and not passed on; the earliest first, so that none is left over whose debt a later one has paid. So many rows
-- of each at most; gives how many there were. What another replica is at is left to it.
create or replace function forget_users(p_days int, p_most int) returns bigint language plpgsql as $$
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
      and (exists (select from cloister_egress.budget_window f where f.tenant_uid = b.tenant_uid and f.kind = b.kind and f.starts_on > b.starts_on)
        -- (Yesterday may be the present day somewhere.)
        or not exists (select from cloister_egress.debt_before(b.tenant_uid, b.kind,
          case b.kind when 'daily' then cloister_egress.clock()::date - 1 else date_trunc('month', cloister_egress.clock()::date - 1)::date end
        ) d where d.micro_usd > 0 or d.tokens > 0))
    order by starts_on limit p_most for update skip locked
  ) as o
  where w.tenant_uid = o.tenant_uid and w.kind = o.kind and w.starts_on = o.starts_on;
  get diagnostics v_windows = row_count;
  return greatest(v_lines, v_windows);
end
$$;
`;
