/** All that is counted of a line. As the migration itself, never to be edited once released. */
const counts = [
  ...['requests', 'input_tokens', 'output_tokens', 'micro_usd'],
  ...['cached_tokens', 'cache_write_tokens', 'reasoning_tokens'],
];
const sums = counts.map((count) => `sum(${count})`).join(', ');
const added = counts.map((count) => `${count} = u.${count} + excluded.${count}`).join(', ');

/**
 * Of the input also what providers wrote to their caches, which costs more than other input with some. As with the other parts (token-parts.ts), it is in
 * the sum beside it, and nought where nobody told, in what replicas of the version before report, and for what was used before there was this column.
 */
export const cacheWrites = `
-- Messages of replicas of the version before that are being taken: none is to see the shape of what it said change.
lock table replica in exclusive mode;

alter table usage add cache_write_tokens bigint not null default 0;
alter table caller_usage add cache_write_tokens bigint not null default 0;

alter type used add attribute cache_write_tokens bigint;
create or replace function used_in(p_usage jsonb) returns setof used language sql stable as $$
  select u."tenantUid", u.tenant,
    coalesce(u.day, cloister_egress.window_start('daily', cloister_egress.known_zone(u."timeZone"))),
    coalesce(u.month, cloister_egress.window_start('monthly', cloister_egress.known_zone(u."timeZone"))),
    u.model, u.agent, u.caller, u."tenantLeased", u."agentLeased", u."callerLeased", u.requests, u."inputTokens", u."outputTokens",
    u."inputTokens" + u."outputTokens", u."microUsd", u."overrunTokens", u."overrunMicroUsd", coalesce(u."cachedTokens", 0),
    coalesce(u."reasoningTokens", 0), coalesce(u."cacheWriteTokens", 0)
  from jsonb_to_recordset(p_usage) as u("tenantUid" text, tenant text, "timeZone" text, day date, month date, model text, agent text, caller text,
    "tenantLeased" boolean, "agentLeased" boolean, "callerLeased" boolean, requests bigint, "inputTokens" bigint, "outputTokens" bigint,
    "microUsd" bigint, "overrunTokens" bigint, "overrunMicroUsd" bigint, "cachedTokens" bigint, "reasoningTokens" bigint, "cacheWriteTokens" bigint)
$$;

create or replace function take_usage(p_used used[]) returns void language plpgsql as $$
begin
  insert into cloister_egress.usage as u (tenant_uid, tenant, day, model, agent, ${counts.join(', ')})
  select tenant_uid, max(tenant), day, model, agent, ${sums}
  from unnest(p_used) group by tenant_uid, day, model, agent
  on conflict (tenant_uid, day, model, agent) do update set ${added};
  insert into cloister_egress.caller_usage as u (tenant_uid, day, model, agent, caller, ${counts.join(', ')})
  select tenant_uid, day, model, agent, caller, ${sums}
  from unnest(p_used) where caller <> '' group by tenant_uid, day, model, agent, caller
  on conflict (tenant_uid, day, model, agent, caller) do update set ${added};
end
$$;
`;
