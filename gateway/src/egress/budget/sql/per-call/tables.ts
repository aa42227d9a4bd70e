/**
 * The ledger's tables, in schema `cloister_egress`.
 *
 * Every change of the ledger is one call of one function, so one transaction and one round trip. All functions take their locks in one
 * order (windows by tenant, kind and day, then reservations), so they never wait for each other in a circle.
 *
 * Of every window, always: `settled + reserved + overrun ≤ limit` at the moment something is reserved. What a provider bills beyond a
 * reservation, against what it was told, is kept apart as `overrun` and lessens what is left.
 */
export const tables = `
create table budget_window (
  tenant_uid text not null,
  kind text not null check (kind in ('daily', 'monthly')),
  starts_on date not null,
  settled_micro_usd bigint not null default 0 check (settled_micro_usd >= 0),
  reserved_micro_usd bigint not null default 0 check (reserved_micro_usd >= 0),
  overrun_micro_usd bigint not null default 0 check (overrun_micro_usd >= 0),
  settled_tokens bigint not null default 0 check (settled_tokens >= 0),
  reserved_tokens bigint not null default 0 check (reserved_tokens >= 0),
  overrun_tokens bigint not null default 0 check (overrun_tokens >= 0),
  primary key (tenant_uid, kind, starts_on)
);

-- A call in progress. Gone once it is settled; folded once its gateway has been silent for too long.
create table reservation (
  id uuid primary key,
  tenant_uid text not null,
  tenant text not null,
  agent text not null,
  model text not null,
  day date not null,
  month date not null,
  micro_usd bigint not null check (micro_usd >= 0),
  input_tokens bigint not null check (input_tokens >= 0),
  output_tokens bigint not null check (output_tokens >= 0),
  expires_at timestamptz not null,
  folded_at timestamptz
);
create index reservation_open on reservation (expires_at) where folded_at is null;

-- Calls that needed no reservation and are recorded already, so that recording one twice counts once.
create table receipt (
  id uuid primary key,
  recorded_at timestamptz not null
);

create table usage (
  tenant_uid text not null,
  tenant text not null,
  day date not null,
  model text not null,
  agent text not null,
  requests bigint not null default 0,
  input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  micro_usd bigint not null default 0,
  primary key (tenant_uid, day, model, agent)
);
create index usage_by_day on usage (day);
`;
