/**
 * `reserve`: for each call takes the first rung that fits all limited windows, in all of them or in none. Both windows are kept for every tenant, limited
 * or not, so that a limit set later counts what was spent before.
 */
export const reserve = `
-- How far a window is from its limits: one row per limit, so up to four.
create function standing(p_uid text, p_day date, p_month date, p_limits jsonb)
returns table (kind text, starts_on date, unit text, settled bigint, reserved bigint, allowed bigint) language sql stable as $$
  select w.kind, w.starts_on, x.unit, x.settled, x.reserved, x.allowed
  from cloister_egress.budget_window w
  join jsonb_to_recordset(p_limits) as l(kind text, "microUsd" bigint, tokens bigint) on l.kind = w.kind
  cross join lateral (values
    ('money', w.settled_micro_usd + w.overrun_micro_usd, w.reserved_micro_usd, l."microUsd"),
    ('tokens', w.settled_tokens + w.overrun_tokens, w.reserved_tokens, l.tokens)
  ) as x(unit, settled, reserved, allowed)
  where w.tenant_uid = p_uid and x.allowed is not null
    and ((w.kind = 'daily' and w.starts_on = p_day) or (w.kind = 'monthly' and w.starts_on = p_month))
$$;

-- The window that stands in the way, the one that is spent rather than merely reserved first, then the one that renews last.
create function refusal(p_uid text, p_zone text, p_day date, p_month date, p_limits jsonb, p_rung jsonb)
returns jsonb language sql stable as $$
  select jsonb_build_object(
    'window', s.kind, 'unit', s.unit, 'spent', s.settled + s.need > s.allowed,
    'renewsAt', to_char(s.renews_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'renewsInSeconds', ceil(extract(epoch from s.renews_at - cloister_egress.clock())))
  from (
    select *, (p_rung ->> case unit when 'money' then 'microUsd' else 'tokens' end)::bigint as need,
      cloister_egress.window_end(kind, p_zone, starts_on) as renews_at
    from cloister_egress.standing(p_uid, p_day, p_month, p_limits)
  ) as s
  where s.settled + s.reserved + s.need > s.allowed
  order by s.settled + s.need > s.allowed desc, s.renews_at desc limit 1
$$;

-- One call. The caller holds the locks on both windows.
create function reserve_one(p_uid text, p_zone text, p_day date, p_month date, p_limits jsonb, p_ask jsonb)
returns jsonb language plpgsql as $$
declare
  v_call jsonb := p_ask -> 'call';
  v_usd bigint;
  v_tokens bigint;
  v_output bigint;
  v_headroom bigint;
begin
  for v_usd, v_tokens, v_output, v_headroom in
    select (r ->> 'microUsd')::bigint, (r ->> 'tokens')::bigint, (r ->> 'outputTokens')::bigint, (r ->> 'headroom')::bigint
    from jsonb_array_elements(p_ask -> 'rungs') with ordinality as rungs(r, position) order by position
  loop
    if not exists (
      select 1 from cloister_egress.standing(p_uid, p_day, p_month, p_limits) s
      where s.settled + s.reserved + v_headroom * case s.unit when 'money' then v_usd else v_tokens end > s.allowed
    ) then
      perform cloister_egress.move(p_uid, p_day, p_month, v_usd, v_tokens, 0, 0, 0, 0);
      insert into cloister_egress.reservation
        (id, tenant_uid, tenant, agent, model, day, month, micro_usd, input_tokens, output_tokens, expires_at)
      values ((v_call ->> 'id')::uuid, p_uid, v_call ->> 'tenant', v_call ->> 'agent', v_call ->> 'model', p_day, p_month,
        v_usd, v_tokens - v_output, v_output, cloister_egress.clock() + make_interval(secs => (p_ask ->> 'seconds')::int));
      return jsonb_build_object('granted', v_output);
    end if;
  end loop;
  return jsonb_build_object('refused', cloister_egress.refusal(p_uid, p_zone, p_day, p_month, p_limits, p_ask -> 'rungs' -> -1));
end
$$;

-- Answers in the order of the asks; an earlier one is served first.
create function reserve(p_uid text, p_zone text, p_limits jsonb, p_asks jsonb) returns jsonb language plpgsql as $$
declare
  v_day date := cloister_egress.window_start('daily', p_zone);
  v_month date := cloister_egress.window_start('monthly', p_zone);
  v_ask jsonb;
  v_answers jsonb := '[]';
begin
  insert into cloister_egress.budget_window (tenant_uid, kind, starts_on)
  values (p_uid, 'daily', v_day), (p_uid, 'monthly', v_month) on conflict do nothing;
  perform 1 from cloister_egress.budget_window
  where tenant_uid = p_uid and (kind, starts_on) in (('daily', v_day), ('monthly', v_month)) order by kind for update;
  for v_ask in select a from jsonb_array_elements(p_asks) with ordinality as asks(a, position) order by position loop
    v_answers := v_answers || jsonb_build_array(cloister_egress.reserve_one(p_uid, p_zone, v_day, v_month, p_limits, v_ask));
  end loop;
  return v_answers;
end
$$;
`;
