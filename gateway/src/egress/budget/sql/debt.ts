/**
 * Debt: what a budget was billed beyond its limit is taken off its next window, money and tokens, days and months each by themselves. Of every
 * window, in every transaction: `debt` is what the windows before it have not paid of their overruns, as `debt_before` derives it from the
 * last of them. So nobody has to close a window, and it makes no difference who opens one, how often, or how late an overrun is told.
 *
 * Two triggers keep it so, whichever function moves a window. The first sees what is there before a window opens, which it locks; the second
 * passes on what changes in a window that was followed already. Windows of an account are locked from the earliest on; where one was opened
 * while a transaction waited for an earlier one, it is not waited for out of that order: the transaction fails (55P03) and is said again.
 */
export const debt = `
-- At once, however many windows there are: a check of those that are there would read them all, while every call waits.
alter table budget_window
  add debt_micro_usd bigint not null default 0,
  add debt_tokens bigint not null default 0,
  -- Under which it was last asked for more; null: nobody asked, or there was none.
  add limit_micro_usd bigint,
  add limit_tokens bigint,
  add constraint owes_no_less_than_nothing check (debt_micro_usd >= 0 and debt_tokens >= 0) not valid;

-- What a window of one unit leaves to the next: what it began with and its own overrun, less what its calls left of its limit. Forfeits are
-- settled, so they leave the less. Without a limit there is nothing to exceed, and nothing to say how much is paid.
create function unpaid(p_debt bigint, p_overrun bigint, p_settled bigint, p_limit bigint) returns bigint language sql immutable as $$
  select case when p_limit is null then p_debt else greatest(p_debt + p_overrun - greatest(p_limit - p_settled, 0), 0) end
$$;

-- Days or months between two windows, which nobody has opened: each pays as much as the limit before them. (Numeric, which does not overflow.)
create function skipped(p_kind text, p_from date, p_to date) returns numeric language sql immutable as $$
  select case p_kind
    when 'daily' then p_to - p_from
    else 12 * (extract(year from p_to) - extract(year from p_from)) + extract(month from p_to) - extract(month from p_from)
  end - 1
$$;

-- No row where it is the first.
create function debt_before(p_account text, p_kind text, p_starts_on date) returns table (micro_usd bigint, tokens bigint) language sql stable as $$
  select greatest(o.micro_usd - o.skipped * coalesce(o.limit_micro_usd, 0), 0)::bigint, greatest(o.tokens - o.skipped * coalesce(o.limit_tokens, 0), 0)::bigint
  from (
    select w.limit_micro_usd, w.limit_tokens, cloister_egress.skipped(w.kind, w.starts_on, p_starts_on) as skipped,
      cloister_egress.unpaid(w.debt_micro_usd, w.overrun_micro_usd, w.settled_micro_usd, w.limit_micro_usd) as micro_usd,
      cloister_egress.unpaid(w.debt_tokens, w.overrun_tokens, w.settled_tokens, w.limit_tokens) as tokens
    from cloister_egress.budget_window w
    where w.tenant_uid = p_account and w.kind = p_kind and w.starts_on < p_starts_on
    order by w.starts_on desc limit 1
  ) as o
$$;

create function begin_with_debt() returns trigger language plpgsql as $$
declare
  v_before date;
  v_locked date;
begin
  if exists (select from cloister_egress.budget_window w where w.tenant_uid = new.tenant_uid and w.kind = new.kind and w.starts_on = new.starts_on) then
    return new; -- "on conflict" has its way
  end if;
  loop
    v_before := (select max(w.starts_on) from cloister_egress.budget_window w
      where w.tenant_uid = new.tenant_uid and w.kind = new.kind and w.starts_on < new.starts_on);
    exit when v_before is not distinct from v_locked;
    perform 1 from cloister_egress.budget_window w
    where w.tenant_uid = new.tenant_uid and w.kind = new.kind and w.starts_on = v_before for update;
    v_locked := v_before;
  end loop;
  if v_before is null then
    return new;
  end if;
  select d.micro_usd, d.tokens into new.debt_micro_usd, new.debt_tokens
  from cloister_egress.debt_before(new.tenant_uid, new.kind, new.starts_on) d;
  -- In one that is opened after the next nobody has asked: it pays like those that nobody opens.
  if exists (select from cloister_egress.budget_window w where w.tenant_uid = new.tenant_uid and w.kind = new.kind and w.starts_on > new.starts_on) then
    select w.limit_micro_usd, w.limit_tokens into new.limit_micro_usd, new.limit_tokens
    from cloister_egress.budget_window w where w.tenant_uid = new.tenant_uid and w.kind = new.kind and w.starts_on = v_before;
  end if;
  return new;
end
$$;
create trigger begin_with_debt before insert on budget_window for each row execute function begin_with_debt();

create function pass_on_debt() returns trigger language plpgsql as $$
declare
  v_next date := (select min(w.starts_on) from cloister_egress.budget_window w
    where w.tenant_uid = new.tenant_uid and w.kind = new.kind and w.starts_on > new.starts_on);
begin
  if v_next is null then
    return null;
  end if;
  perform 1 from cloister_egress.budget_window w
  where w.tenant_uid = new.tenant_uid and w.kind = new.kind and w.starts_on = v_next for update nowait;
  update cloister_egress.budget_window w set debt_micro_usd = d.micro_usd, debt_tokens = d.tokens
  from cloister_egress.debt_before(new.tenant_uid, new.kind, v_next) d
  where w.tenant_uid = new.tenant_uid and w.kind = new.kind and w.starts_on = v_next
    and (w.debt_micro_usd, w.debt_tokens) is distinct from (d.micro_usd, d.tokens);
  return null;
end
$$;
-- Where nothing was ever billed beyond a reservation, nothing is looked up.
create trigger pass_on_debt after update on budget_window for each row
when (new.overrun_micro_usd + new.overrun_tokens + new.debt_micro_usd + new.debt_tokens + old.debt_micro_usd + old.debt_tokens > 0)
execute function pass_on_debt();
`;
