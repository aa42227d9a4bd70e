/**
 * What leases add to the ledger. A replica of egress holds at most one lease for a tenant and its windows; the amount counts as reserved in
 * both windows, so that whoever reserves (a replica of the version before, call by call, as well) leaves it alone.
 *
 * Of every window, always: `settled + reserved + overrun ≤ limit` at the moment something is reserved; `reserved` is the sum of the leases
 * (and of the reservations of calls, while replicas of the version before run); `settled + overrun - forfeited` is the sum of `usage`.
 */
export const tables = `
alter table budget_window
  add forfeited_micro_usd bigint not null default 0,
  add forfeited_tokens bigint not null default 0,
  add check (forfeited_micro_usd between 0 and settled_micro_usd),
  add check (forfeited_tokens between 0 and settled_tokens);

-- A process of egress. What it says is numbered, and each number is taken once.
create table replica (
  id uuid primary key,
  number bigint not null,
  seen_at timestamptz not null,
  -- Silent for too long: its leases count as spent, until it speaks again.
  expired_at timestamptz
);

-- What a replica was given and has not yet reported as spent or given back.
create table lease (
  replica uuid not null references replica on delete cascade,
  tenant_uid text not null,
  day date not null,
  month date not null,
  micro_usd bigint not null check (micro_usd >= 0),
  tokens bigint not null check (tokens >= 0),
  primary key (replica, tenant_uid, day, month)
);
`;
