/**
 * `fold_expired`: the calls of a gateway that died. What they reserved counts as spent in full, because nobody knows what of it the
 * provider has billed. Any replica may fold any reservation; late settling corrects the difference for seven days.
 */
export const fold = `
create function fold_expired() returns bigint language plpgsql as $$
declare
  v_ids uuid[];
  v_folded bigint := 0;
  r cloister_egress.reservation;
begin
  select array_agg(id) into v_ids from (
    select id from cloister_egress.reservation where folded_at is null and expires_at < cloister_egress.clock() order by expires_at limit 500
  ) as expired;
  if v_ids is not null then
    perform 1 from cloister_egress.budget_window w
    where (w.tenant_uid, w.kind, w.starts_on) in (
      select x.tenant_uid, k.kind, k.starts_on from cloister_egress.reservation x
      cross join lateral (values ('daily', x.day), ('monthly', x.month)) as k(kind, starts_on) where x.id = any (v_ids))
    order by w.tenant_uid, w.kind, w.starts_on for update;
    for r in
      update cloister_egress.reservation set folded_at = cloister_egress.clock() where id = any (v_ids) and folded_at is null returning *
    loop
      perform cloister_egress.move(r.tenant_uid, r.day, r.month,
        -r.micro_usd, -(r.input_tokens + r.output_tokens), r.micro_usd, r.input_tokens + r.output_tokens, 0, 0);
      perform cloister_egress.add_usage(
        r.tenant_uid, r.tenant, r.day, r.model, r.agent, 1, r.input_tokens, r.output_tokens, r.micro_usd);
      v_folded := v_folded + 1;
    end loop;
  end if;
  delete from cloister_egress.reservation where folded_at < cloister_egress.clock() - interval '7 days';
  delete from cloister_egress.receipt where recorded_at < cloister_egress.clock() - interval '1 day';
  return v_folded;
end
$$;
`;
