/**
 * `converse`, where a message is said again because its answer was lost, perhaps on another day. What it tells has counted, so no window is opened
 * for that. Windows of what it asks for must be there to be told of: where nobody has asked under a limit in them, it is that of the asks, so that
 * these pay what is owed like any others.
 */
export const saidAgain = `
-- One that is kept already stays: somebody has asked since.
create function keep_limits(p_asks ask[]) returns void language sql as $$
  update cloister_egress.budget_window w
  set limit_micro_usd = coalesce(w.limit_micro_usd, l.micro_usd), limit_tokens = coalesce(w.limit_tokens, l.tokens)
  from (
    select a.tenant_uid, s.kind, case s.kind when 'daily' then a.day else a.month end as starts_on,
      coalesce((s.whole ->> 'microUsd')::bigint, s."microUsd") as micro_usd, coalesce((s.whole ->> 'tokens')::bigint, s.tokens) as tokens
    from unnest(p_asks) a cross join lateral jsonb_to_recordset(a.limits) as s(kind text, "microUsd" bigint, tokens bigint, whole jsonb)
  ) as l
  where w.tenant_uid = l.tenant_uid and w.kind = l.kind and w.starts_on = l.starts_on
    and (w.limit_micro_usd is null and l.micro_usd is not null or w.limit_tokens is null and l.tokens is not null)
$$;

create or replace function converse(p_replica uuid, p_number bigint, p_leaving boolean, p_usage jsonb, p_returns jsonb, p_asks jsonb)
returns json language plpgsql as $$
declare
  v_replica cloister_egress.replica;
  v_replicas bigint;
  v_is_new boolean;
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
  v_is_new := v_replica.number = p_number - 1;
  select count(*) + 1 into v_replicas from cloister_egress.replica where expired_at is null and id <> p_replica;
  v_used := array(select u from cloister_egress.used_in(p_usage) u);
  v_parts := array(select p from cloister_egress.parts_in(v_used, p_returns) p);
  v_asks := array(select a from cloister_egress.asks_in(p_asks) a);

  v_places := array(select row(t.tenant_uid, t.day, t.month)::cloister_egress.place from (
    select tenant_uid, day, month from unnest(v_asks)
    union select account, day, month from unnest(v_parts) where v_is_new
    union select tenant_uid, day, month from cloister_egress.lease where replica = p_replica and v_replica.expired_at is not null
  ) as t);
  perform cloister_egress.lock_places(v_places);
  if v_replica.expired_at is not null then
    perform cloister_egress.count_as_spent(array[p_replica], -1);
  end if;

  if v_is_new then
    perform cloister_egress.take_parts(p_replica, v_parts);
    perform cloister_egress.take_usage(v_used);
    perform cloister_egress.grow_all(p_replica, v_asks, v_replicas);
    delete from cloister_egress.lease l using unnest(v_parts) p
    where l.replica = p_replica and l.tenant_uid = p.account and l.day = p.day and l.month = p.month and l.micro_usd = 0 and l.tokens = 0;
  else
    perform cloister_egress.keep_limits(v_asks);
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
`;
