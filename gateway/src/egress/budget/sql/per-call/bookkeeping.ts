/** What the ledger's functions share. `clock` is a function of its own so that tests can set it; it is the database's clock. */
export const bookkeeping = `
create function clock() returns timestamptz language sql stable as $$ select now() $$;

-- The day on which the current window began, in the tenant's time zone.
create function window_start(p_kind text, p_zone text) returns date language sql stable as $$
  select date_trunc(case p_kind when 'daily' then 'day' else 'month' end, cloister_egress.clock() at time zone p_zone)::date
$$;

create function window_end(p_kind text, p_zone text, p_starts_on date) returns timestamptz language sql stable as $$
  select (p_starts_on + case p_kind when 'daily' then interval '1 day' else interval '1 month' end) at time zone p_zone
$$;

create function add_usage(
  p_uid text, p_tenant text, p_day date, p_model text, p_agent text, p_requests bigint, p_input bigint, p_output bigint, p_micro_usd bigint
) returns void language sql as $$
  insert into cloister_egress.usage as u (tenant_uid, tenant, day, model, agent, requests, input_tokens, output_tokens, micro_usd)
  values (p_uid, p_tenant, p_day, p_model, p_agent, p_requests, p_input, p_output, p_micro_usd)
  on conflict (tenant_uid, day, model, agent) do update set
    requests = u.requests + excluded.requests,
    input_tokens = u.input_tokens + excluded.input_tokens,
    output_tokens = u.output_tokens + excluded.output_tokens,
    micro_usd = u.micro_usd + excluded.micro_usd
$$;

-- Adds to the daily and the monthly window of a call. Amounts may be negative. The caller holds the locks.
create function move(
  p_uid text, p_day date, p_month date,
  p_reserved_usd bigint, p_reserved_tokens bigint, p_settled_usd bigint, p_settled_tokens bigint, p_overrun_usd bigint, p_overrun_tokens bigint
) returns void language sql as $$
  update cloister_egress.budget_window set
    reserved_micro_usd = reserved_micro_usd + p_reserved_usd,
    reserved_tokens = reserved_tokens + p_reserved_tokens,
    settled_micro_usd = settled_micro_usd + p_settled_usd,
    settled_tokens = settled_tokens + p_settled_tokens,
    overrun_micro_usd = overrun_micro_usd + p_overrun_usd,
    overrun_tokens = overrun_tokens + p_overrun_tokens
  where tenant_uid = p_uid and ((kind = 'daily' and starts_on = p_day) or (kind = 'monthly' and starts_on = p_month))
$$;
`;
