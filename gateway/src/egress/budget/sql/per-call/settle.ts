/**
 * `settle`: puts what calls really cost in the place of what was reserved for them, many calls in one transaction. A call that is settled
 * twice counts once. One whose reservation was folded meanwhile gets the difference back.
 *
 * Where all calls had a reservation, nobody waits for the disk: if Postgres crashes and forgets the settling, the reservations are still
 * there and count in full. That halves the time for which the tenant's windows are locked.
 */
export const settle = `
create function settle_reserved(p_id uuid, p_input bigint, p_output bigint, p_usd bigint) returns void language plpgsql as $$
declare
  r cloister_egress.reservation;
  v_tokens bigint := p_input + p_output;
  v_held bigint;
  v_open boolean;
begin
  delete from cloister_egress.reservation where id = p_id returning * into r;
  if not found then
    return;
  end if;
  v_held := r.input_tokens + r.output_tokens;
  v_open := r.folded_at is null;
  perform cloister_egress.move(r.tenant_uid, r.day, r.month,
    case when v_open then -r.micro_usd else 0 end,
    case when v_open then -v_held else 0 end,
    least(p_usd, r.micro_usd) - case when v_open then 0 else r.micro_usd end,
    least(v_tokens, v_held) - case when v_open then 0 else v_held end,
    greatest(p_usd - r.micro_usd, 0),
    greatest(v_tokens - v_held, 0));
  if v_open then
    perform cloister_egress.add_usage(r.tenant_uid, r.tenant, r.day, r.model, r.agent, 1, p_input, p_output, p_usd);
  else
    perform cloister_egress.add_usage(
      r.tenant_uid, r.tenant, r.day, r.model, r.agent, 0, p_input - r.input_tokens, p_output - r.output_tokens, p_usd - r.micro_usd);
  end if;
end
$$;

-- A call of a tenant without limits: there was nothing to reserve.
create function record_unreserved(p_entry jsonb, p_input bigint, p_output bigint, p_usd bigint) returns void language plpgsql as $$
declare
  v_uid text := p_entry ->> 'tenantUid';
  v_day date := cloister_egress.window_start('daily', p_entry ->> 'timeZone');
  v_month date := cloister_egress.window_start('monthly', p_entry ->> 'timeZone');
begin
  insert into cloister_egress.receipt (id, recorded_at) values ((p_entry ->> 'id')::uuid, cloister_egress.clock()) on conflict do nothing;
  if not found then
    return;
  end if;
  perform cloister_egress.move(v_uid, v_day, v_month, 0, 0, p_usd, p_input + p_output, 0, 0);
  perform cloister_egress.add_usage(
    v_uid, p_entry ->> 'tenant', v_day, p_entry ->> 'model', p_entry ->> 'agent', 1, p_input, p_output, p_usd);
end
$$;

create function windows_of(p_entries jsonb) returns table (tenant_uid text, kind text, starts_on date) language sql stable as $$
  select r.tenant_uid, k.kind, k.starts_on
  from jsonb_array_elements(p_entries) e
  join cloister_egress.reservation r on r.id = (e ->> 'id')::uuid
  cross join lateral (values ('daily', r.day), ('monthly', r.month)) as k(kind, starts_on)
  union
  select e ->> 'tenantUid', k, cloister_egress.window_start(k, e ->> 'timeZone')
  from jsonb_array_elements(p_entries) e
  cross join unnest(array['daily', 'monthly']) k
  where not (e ->> 'reserved')::boolean
$$;

create function settle(p_entries jsonb) returns void language plpgsql as $$
declare
  v_entry jsonb;
  v_input bigint;
  v_output bigint;
  v_usd bigint;
begin
  if not exists (select 1 from jsonb_array_elements(p_entries) e where not (e ->> 'reserved')::boolean) then
    perform set_config('synchronous_commit', 'off', true);
  end if;
  insert into cloister_egress.budget_window (tenant_uid, kind, starts_on)
  select * from cloister_egress.windows_of(p_entries) order by 1, 2, 3 on conflict do nothing;
  perform 1 from cloister_egress.budget_window w
  where (w.tenant_uid, w.kind, w.starts_on) in (select * from cloister_egress.windows_of(p_entries))
  order by w.tenant_uid, w.kind, w.starts_on for update;

  for v_entry in select * from jsonb_array_elements(p_entries) loop
    v_input := (v_entry ->> 'inputTokens')::bigint;
    v_output := (v_entry ->> 'outputTokens')::bigint;
    v_usd := (v_entry ->> 'microUsd')::bigint;
    if (v_entry ->> 'reserved')::boolean then
      perform cloister_egress.settle_reserved((v_entry ->> 'id')::uuid, v_input, v_output, v_usd);
    else
      perform cloister_egress.record_unreserved(v_entry, v_input, v_output, v_usd);
    end if;
  end loop;
end
$$;
`;
