/**
 * The trigger of sql/debt.ts that derives with what a window begins, in three look-ups where it took six: as a day begins, it is called for each
 * window of all that a message asks for.
 */
export const openWindow = `
create or replace function begin_with_debt() returns trigger language plpgsql as $$
declare
  v_before cloister_egress.budget_window;
  v_is_followed boolean;
  v_is_overtaken boolean;
begin
  if exists (select from cloister_egress.budget_window w where w.tenant_uid = new.tenant_uid and w.kind = new.kind and w.starts_on = new.starts_on) then
    return new; -- "on conflict" has its way
  end if;
  loop
    select * into v_before from cloister_egress.budget_window w
    where w.tenant_uid = new.tenant_uid and w.kind = new.kind and w.starts_on < new.starts_on
    order by w.starts_on desc limit 1 for update;
    if not found then
      return new;
    end if;
    -- While it was waited for, another may have been opened after it.
    select d.micro_usd, d.tokens, n.starts_on > new.starts_on, n.starts_on < new.starts_on
    into new.debt_micro_usd, new.debt_tokens, v_is_followed, v_is_overtaken
    from cloister_egress.debt_before(new.tenant_uid, new.kind, new.starts_on) d
    left join lateral (
      select w.starts_on from cloister_egress.budget_window w
      where w.tenant_uid = new.tenant_uid and w.kind = new.kind and w.starts_on > v_before.starts_on
      order by w.starts_on limit 1
    ) as n on true;
    exit when v_is_overtaken is not true;
  end loop;
  if v_is_followed then
    -- In one that is opened after the next nobody has asked: it pays like those that nobody opens.
    new.limit_micro_usd := v_before.limit_micro_usd;
    new.limit_tokens := v_before.limit_tokens;
  end if;
  return new;
end
$$;
`;
