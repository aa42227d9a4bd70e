/**
 * Pruning of one chain by its name, so that one that somebody has spoilt stops no other. What is removed and what is told of it is as in `audit_prune`,
 * which replicas of the version before call.
 */
export const auditPruneChain = `
-- Removes so many records at most that are older than so many days, where one is older than a day more. Gives how many were removed: none where
-- somebody else is at work on the chain.
create function audit_prune_chain(p_uid text, p_days integer, p_most bigint, p_at text) returns bigint language plpgsql as $$
declare
  v_chain cloister_egress.audit_chain;
  v_to bigint;
  v_hash text;
begin
  select c.* into v_chain from cloister_egress.audit_chain c
  join cloister_egress.audit_record r on r.tenant_uid = c.tenant_uid and r.seq = c.pruned_seq + 1
  where c.tenant_uid = p_uid and r.stored_at < now() - make_interval(days => p_days + 1) and c.seq > c.pruned_seq + 1
  for update of c skip locked;
  if not found then
    return 0;
  end if;
  select max(old.seq) into v_to from (
    select r.seq, r.stored_at from cloister_egress.audit_record r
    where r.tenant_uid = p_uid and r.seq > v_chain.pruned_seq order by r.seq limit p_most
  ) as old where old.stored_at < now() - make_interval(days => p_days);
  select r.hash into v_hash from cloister_egress.audit_record r where r.tenant_uid = p_uid and r.seq = v_to;
  update cloister_egress.audit_chain set pruned_seq = v_to, pruned_hash = v_hash where tenant_uid = p_uid;
  delete from cloister_egress.audit_record where tenant_uid = p_uid and seq <= v_to;
  perform cloister_egress.audit_administer(p_uid, v_chain.tenant,
    '{"at":"' || p_at || '","part":"egress","object":"audit","action":"pruned","upTo":' || v_to || ',"hash":"' || v_hash
    || '","days":' || p_days || '}');
  return v_to - v_chain.pruned_seq;
end
$$;
`;
