/**
 * Appending, of many tenants at once: the batch is gone through once, in the order of tenants and numbers, and what it adds is written by one
 * statement for all of them. The function before looked through the whole batch for each tenant in it.
 */
export const auditAppend = `
create or replace function audit_append(p_writer uuid, p_uids text[], p_tenants text[], p_numbers bigint[], p_records text[])
returns table (tenant_uid text, seq bigint, hash text) language plpgsql as $$
#variable_conflict use_column
declare
  v_next record;
  v_uid text;
  v_seq bigint;
  v_hash text;
  v_taken bigint;
  -- Of what is added, in order.
  v_uids text[] := '{}';
  v_seqs bigint[] := '{}';
  v_numbers bigint[] := '{}';
  v_records text[] := '{}';
  v_hashes text[] := '{}';
begin
  insert into cloister_egress.audit_chain (tenant_uid, tenant, seq, hash)
  select distinct on (n.uid) n.uid, n.tenant, 0, cloister_egress.audit_hash(E'cloister-audit/1\\n' || n.uid || E'\\n' || n.tenant)
  from unnest(p_uids, p_tenants) as n(uid, tenant)
  where not exists (select from cloister_egress.audit_chain c where c.tenant_uid = n.uid)
  order by n.uid
  on conflict (tenant_uid) do nothing;
  perform 1 from cloister_egress.audit_chain c where c.tenant_uid = any (p_uids) order by c.tenant_uid for update;
  for v_next in
    select n.uid, n.number, n.record from unnest(p_uids, p_numbers, p_records) as n(uid, number, record) order by n.uid, n.number
  loop
    if v_next.uid is distinct from v_uid then
      v_uid := v_next.uid;
      select c.seq, c.hash into v_seq, v_hash from cloister_egress.audit_chain c where c.tenant_uid = v_uid;
      select coalesce(max(r.number), 0) into v_taken from cloister_egress.audit_record r where r.tenant_uid = v_uid and r.writer = p_writer;
    end if;
    continue when v_next.number <= v_taken;
    v_taken := v_next.number;
    v_seq := v_seq + 1;
    v_hash := cloister_egress.audit_hash(v_hash || E'\\n' || v_seq || E'\\n' || v_next.record);
    v_uids := v_uids || v_uid;
    v_seqs := v_seqs || v_seq;
    v_numbers := v_numbers || v_next.number;
    v_records := v_records || v_next.record;
    v_hashes := v_hashes || v_hash;
  end loop;
  insert into cloister_egress.audit_record (tenant_uid, seq, writer, number, record, hash)
  select a.uid, a.seq, p_writer, a.number, a.record, a.hash
  from unnest(v_uids, v_seqs, v_numbers, v_records, v_hashes) as a(uid, seq, number, record, hash);
  update cloister_egress.audit_chain c set seq = a.seq, hash = a.hash
  from (select distinct on (n.uid) n.uid, n.seq, n.hash from unnest(v_uids, v_seqs, v_hashes) as n(uid, seq, hash) order by n.uid, n.seq desc) as a
  where c.tenant_uid = a.uid;
  return query select c.tenant_uid, c.seq, c.hash from cloister_egress.audit_chain c where c.tenant_uid = any (p_uids) order by c.tenant_uid;
end
$$;
`;
