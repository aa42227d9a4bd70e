/**
 * `expire_silent`: a replica that has said nothing for too long may be dead, and nobody knows what of its leases its calls were billed. All of
 * it counts as spent, apart as `forfeited`; when the replica speaks again, its leases are as they were.
 */
export const expire = `
-- With -1, undoes it. The caller holds the locks on the windows.
create function count_as_spent(p_replicas uuid[], p_sign int) returns void language sql as $$
  update cloister_egress.budget_window w set
    reserved_micro_usd = w.reserved_micro_usd - m.micro_usd,
    reserved_tokens = w.reserved_tokens - m.tokens,
    settled_micro_usd = w.settled_micro_usd + m.micro_usd,
    settled_tokens = w.settled_tokens + m.tokens,
    forfeited_micro_usd = w.forfeited_micro_usd + m.micro_usd,
    forfeited_tokens = w.forfeited_tokens + m.tokens
  from (
    select l.tenant_uid, k.kind, k.starts_on, p_sign * sum(l.micro_usd)::bigint as micro_usd, p_sign * sum(l.tokens)::bigint as tokens
    from cloister_egress.lease l
    cross join lateral (values ('daily', l.day), ('monthly', l.month)) as k(kind, starts_on)
    where l.replica = any (p_replicas)
    group by l.tenant_uid, k.kind, k.starts_on
  ) as m
  where w.tenant_uid = m.tenant_uid and w.kind = m.kind and w.starts_on = m.starts_on
$$;

-- What was forfeited, for the log. A replica that is gone for a week is forgotten; what it forfeited stays so.
create function expire_silent(p_seconds double precision)
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
  return query select l.replica, count(*), sum(l.micro_usd)::bigint, sum(l.tokens)::bigint
    from cloister_egress.lease l where l.replica = any (v_gone) group by l.replica;
end
$$;

-- What replicas of the version before call to look for the dead, who may be of this version.
alter function fold_expired() rename to fold_reservations;
create function fold_expired() returns bigint language plpgsql as $$
begin
  perform cloister_egress.expire_silent(15);
  return cloister_egress.fold_reservations();
end
$$;
`;
