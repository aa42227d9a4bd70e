/**
 * Administrative changes on a tenant's chain, and the end of old records.
 *
 * What a change is follows from what was last on record (`audit_seen`), which is changed in the transaction that appends. So however many
 * replicas see a change, and however often, it is on record once; and what changes while nobody looks is on record when somebody does.
 */
export const auditAdministration = `
alter table audit_chain
  -- Up to where records were removed for their age, and the hash there: where what is kept begins. Null: from the beginning.
  add column pruned_seq bigint not null default 0,
  add column pruned_hash text,
  -- How many administrative records the chain has had, which is the number of the last.
  add column administrative bigint not null default 0;
-- What is there already is as old as this column.
alter table audit_record add column stored_at timestamptz not null default now();

create table audit_seen (
  tenant_uid text not null references audit_chain,
  -- 'policy', or 'key:' and an id.
  what text not null,
  -- Grows with each change; what is not newer than this is no news.
  version numeric not null,
  -- As it is on record; null once it is gone.
  state text,
  primary key (tenant_uid, what)
);

-- Appends one record. p_facts is JSON of an object without kind, writer and number. Their writer is nobody's process, and never ends.
create function audit_administer(p_uid text, p_tenant text, p_facts text) returns void language plpgsql as $$
declare
  v_chain cloister_egress.audit_chain;
  v_record text;
  v_hash text;
begin
  insert into cloister_egress.audit_chain (tenant_uid, tenant, seq, hash)
  values (p_uid, p_tenant, 0, cloister_egress.audit_hash(E'cloister-audit/1\\n' || p_uid || E'\\n' || p_tenant))
  on conflict (tenant_uid) do nothing;
  update cloister_egress.audit_chain set seq = seq + 1, administrative = administrative + 1
  where tenant_uid = p_uid returning * into v_chain;
  v_record := '{"kind":"administrative_change","writer":"00000000-0000-0000-0000-000000000000","number":' || v_chain.administrative
    || ',' || substr(p_facts, 2);
  v_hash := cloister_egress.audit_hash(v_chain.hash || E'\\n' || v_chain.seq || E'\\n' || v_record);
  insert into cloister_egress.audit_record (tenant_uid, seq, writer, number, record, hash)
  values (p_uid, v_chain.seq, '00000000-0000-0000-0000-000000000000', v_chain.administrative, v_record, v_hash);
  update cloister_egress.audit_chain set hash = v_hash where tenant_uid = p_uid;
end
$$;

-- False, and nothing done, where what is on record is not of p_expected: somebody else was here. Null p_facts: nothing has changed that is to
-- be on record.
create function audit_note(p_uid text, p_tenant text, p_what text, p_expected numeric, p_version numeric, p_state text, p_facts text)
returns boolean language plpgsql as $$
begin
  insert into cloister_egress.audit_chain (tenant_uid, tenant, seq, hash)
  values (p_uid, p_tenant, 0, cloister_egress.audit_hash(E'cloister-audit/1\\n' || p_uid || E'\\n' || p_tenant))
  on conflict (tenant_uid) do nothing;
  perform 1 from cloister_egress.audit_chain where tenant_uid = p_uid for update;
  if (select version from cloister_egress.audit_seen where tenant_uid = p_uid and what = p_what) is distinct from p_expected then
    return false;
  end if;
  insert into cloister_egress.audit_seen (tenant_uid, what, version, state) values (p_uid, p_what, p_version, p_state)
  on conflict (tenant_uid, what) do update set version = p_version, state = p_state;
  if p_facts is not null then
    perform cloister_egress.audit_administer(p_uid, p_tenant, p_facts);
  end if;
  return true;
end
$$;
`;

/**
 * Pruning. What is kept begins with the hash of the last record that was removed, so the rest verifies as before; and that it was removed for
 * its age is itself on record, at the end of the chain, where no later pruning reaches it without leaving another.
 */
export const auditRetention = `
drop trigger audit_record_is_append_only on audit_record;
create trigger audit_record_is_append_only before update or truncate on audit_record
  for each statement execute function refuse_audit_changes();

create function refuse_audit_removal() returns trigger language plpgsql as $$
begin
  if old.seq <= (select c.pruned_seq from cloister_egress.audit_chain c where c.tenant_uid = old.tenant_uid) then
    return old;
  end if;
  raise exception 'records of the audit are never changed or removed';
end
$$;
create trigger audit_record_is_pruned_alone before delete on audit_record
  for each row execute function refuse_audit_removal();

-- Removes records of one tenant that are older than so many days, where one is older than a day more: so a tenant that calls all the time has
-- one record of it a day. What is left of a tenant that is silent is the record that says so. Gives how many were removed.
create function audit_prune(p_days integer, p_most bigint, p_at text) returns bigint language plpgsql as $$
declare
  v_chain cloister_egress.audit_chain;
  v_to bigint;
  v_hash text;
begin
  select c.* into v_chain from cloister_egress.audit_chain c
  join cloister_egress.audit_record r on r.tenant_uid = c.tenant_uid and r.seq = c.pruned_seq + 1
  where r.stored_at < now() - make_interval(days => p_days + 1) and c.seq > c.pruned_seq + 1
  order by c.tenant_uid limit 1 for update of c skip locked;
  if not found then
    return 0;
  end if;
  select max(old.seq) into v_to from (
    select r.seq, r.stored_at from cloister_egress.audit_record r
    where r.tenant_uid = v_chain.tenant_uid and r.seq > v_chain.pruned_seq order by r.seq limit p_most
  ) as old where old.stored_at < now() - make_interval(days => p_days);
  select r.hash into v_hash from cloister_egress.audit_record r where r.tenant_uid = v_chain.tenant_uid and r.seq = v_to;
  update cloister_egress.audit_chain set pruned_seq = v_to, pruned_hash = v_hash where tenant_uid = v_chain.tenant_uid;
  delete from cloister_egress.audit_record where tenant_uid = v_chain.tenant_uid and seq <= v_to;
  perform cloister_egress.audit_administer(v_chain.tenant_uid, v_chain.tenant,
    '{"at":"' || p_at || '","part":"egress","object":"audit","action":"pruned","upTo":' || v_to || ',"hash":"' || v_hash
    || '","days":' || p_days || '}');
  return v_to - v_chain.pruned_seq;
end
$$;
`;
