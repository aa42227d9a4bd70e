/** Where clocks are set back over midnight, the day ends when it is midnight for the first time: from then on `window_start` gives the next one. */
export const midnight = `
create or replace function window_end(p_kind text, p_zone text, p_starts_on date) returns timestamptz language sql stable as $$
  select case when ((n.last - interval '1 hour') at time zone p_zone)::date = n.starts_on then n.last - interval '1 hour' else n.last end
  from (
    select starts_on, starts_on::timestamp at time zone p_zone as last
    from (select (p_starts_on + case p_kind when 'daily' then interval '1 day' else interval '1 month' end)::date as starts_on) as next
  ) as n
$$;
`;
