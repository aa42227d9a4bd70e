/**
 * `expire_silent`, beside everybody else who is at work on the same leases. Replicas are locked before windows, by all, and leases are only touched
 * under the lock of one of their windows: a recall of a lease, and its holder's own word, come before it is forgotten or after, never in a circle
 * with it.
 */
export const forgetSilent = `
-- Amounts are those of tenants' own budgets: what is held of an agent's as well is the same money. A replica that is gone for a week is forgotten;
-- what it forfeited stays so.
create or replace function expire_silent(p_seconds double precision)
returns table (replica uuid, leases bigint, micro_usd bigint, tokens bigint) language plpgsql as $$
declare
  v_gone uuid[];
  v_forgotten uuid[];
begin
  -- Not one that is speaking at this moment, and nobody is waited for.
  select array_agg(s.id) filter (where s.expired_at is null), array_agg(s.id) filter (where s.expired_at is not null) into v_gone, v_forgotten
  from (
    select r.id, r.expired_at from cloister_egress.replica r
    where r.expired_at is null and r.seen_at < cloister_egress.clock() - make_interval(secs => p_seconds)
      or r.expired_at < cloister_egress.clock() - interval '7 days'
    order by r.id for update skip locked
  ) as s;
  perform cloister_egress.lock_places(array(
    select row(l.tenant_uid, l.day, l.month)::cloister_egress.place from cloister_egress.lease l where l.replica = any (v_gone || v_forgotten)));
  perform cloister_egress.count_as_spent(v_gone, 1);
  update cloister_egress.replica r set expired_at = cloister_egress.clock() where r.id = any (v_gone);
  delete from cloister_egress.replica r where r.id = any (v_forgotten);
  return query select l.replica, count(*) filter (where position('/' in l.tenant_uid) = 0),
      coalesce(sum(l.micro_usd) filter (where position('/' in l.tenant_uid) = 0), 0)::bigint,
      coalesce(sum(l.tokens) filter (where position('/' in l.tenant_uid) = 0), 0)::bigint
    from cloister_egress.lease l where l.replica = any (v_gone) group by l.replica;
end
$$;
`;
