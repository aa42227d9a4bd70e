/** Days and months of time zones, worked out from what they call each moment: another way than Postgres does. */
import type { WindowKind } from './limits.ts';

const hour = 3_600_000;
const formats = new Map<string, Intl.DateTimeFormat>();
const ends = new Map<string, number>();

/** As `2026-11-22`. */
export function dayAt(now: number, zone: string): string {
  if (zone === 'UTC') return new Date(now).toISOString().slice(0, 10);
  const make = () => new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' });
  return formats.getOrInsertComputed(zone, make).format(now);
}

export function presentAt(now: number, zone: string): { readonly day: string; readonly month: string } {
  const day = dayAt(now, zone);
  return { day, month: `${day.slice(0, 7)}-01` };
}

/** The first moment of the day, or of the month, after the one that began on `start`. */
export function endOf(kind: WindowKind, start: string, zone: string): number {
  const date = new Date(start);
  const [days, months] = kind === 'daily' ? [1, 0] : [0, 1];
  const next = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, date.getUTCDate() + days);
  return zone === 'UTC' ? next : ends.getOrInsertComputed(`${zone} ${next}`, () => firstMomentOf(next, zone));
}

/** Zones are up to 14 hours from UTC, and no day comes twice in any. */
function firstMomentOf(midnight: number, zone: string): number {
  const day = new Date(midnight).toISOString().slice(0, 10);
  let [before, from] = [midnight - 15 * hour, midnight + 15 * hour];
  while (from - before > 1) {
    const between = Math.floor((before + from) / 2);
    if (dayAt(between, zone) >= day) from = between;
    else before = between;
  }
  return from;
}
