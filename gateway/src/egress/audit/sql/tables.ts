/**
 * The audit in Postgres: a chain for each tenant, to which all replicas of egress append. Who appends holds the lock on the tenant's chain
 * until its transaction ends, so records have one order; chains are locked in one order, so replicas never wait for each other in a circle.
 */
export const auditTables = `
-- Where each chain ends.
create table audit_chain (
  tenant_uid text primary key,
  tenant text not null,
  seq bigint not null,
  hash text not null
);
create index audit_chain_by_name on audit_chain (tenant);

create table audit_record (
  tenant_uid text not null references audit_chain,
  seq bigint not null,
  -- A process of egress, and its own count of this tenant's records, from 1 without a gap: what it could not bring here shows as one.
  writer uuid not null,
  number bigint not null,
  -- JSON as it is hashed. Text, because jsonb would not give it back as it came.
  record text not null,
  hash text not null,
  primary key (tenant_uid, seq),
  unique (tenant_uid, writer, number)
);

-- Against mistakes. Who owns the table can drop the trigger; what that person changes then, the chain shows.
create function refuse_audit_changes() returns trigger language plpgsql as $$
begin
  raise exception 'records of the audit are never changed or removed';
end
$$;
create trigger audit_record_is_append_only before update or delete or truncate on audit_record
  for each statement execute function refuse_audit_changes();

create function audit_hash(p_text text) returns text language sql immutable as $$
  select encode(sha256(convert_to(p_text, 'UTF8')), 'hex')
$$;

-- Record n has number n of the writer, and belongs to tenant n. A number that is there already is passed over, so a batch whose answer was
-- lost can be said again. Gives where the chains end now.
create function audit_append(p_writer uuid, p_uids text[], p_tenants text[], p_numbers bigint[], p_records text[])
returns table (tenant_uid text, seq bigint, hash text) language plpgsql as $$
#variable_conflict use_column
declare
  v_chain record;
  v_next record;
  v_seq bigint;
  v_hash text;
begin
  insert into cloister_egress.audit_chain (tenant_uid, tenant, seq, hash)
  select distinct on (n.uid) n.uid, n.tenant, 0, cloister_egress.audit_hash(E'cloister-audit/1\\n' || n.uid || E'\\n' || n.tenant)
  from unnest(p_uids, p_tenants) as n(uid, tenant)
  order by n.uid
  on conflict (tenant_uid) do nothing;
  for v_chain in
    select c.tenant_uid, c.seq, c.hash from cloister_egress.audit_chain c
    where c.tenant_uid = any (p_uids) order by c.tenant_uid for update
  loop
    v_seq := v_chain.seq;
    v_hash := v_chain.hash;
    for v_next in
      select n.number, n.record from unnest(p_uids, p_numbers, p_records) as n(uid, number, record)
      where n.uid = v_chain.tenant_uid and n.number > coalesce(
        (select max(r.number) from cloister_egress.audit_record r where r.tenant_uid = v_chain.tenant_uid and r.writer = p_writer), 0)
      order by n.number
    loop
      v_seq := v_seq + 1;
      v_hash := cloister_egress.audit_hash(v_hash || E'\\n' || v_seq || E'\\n' || v_next.record);
      insert into cloister_egress.audit_record (tenant_uid, seq, writer, number, record, hash)
      values (v_chain.tenant_uid, v_seq, p_writer, v_next.number, v_next.record, v_hash);
    end loop;
    update cloister_egress.audit_chain c set seq = v_seq, hash = v_hash where c.tenant_uid = v_chain.tenant_uid;
    return query select v_chain.tenant_uid, v_seq, v_hash;
  end loop;
end
$$;
`;
