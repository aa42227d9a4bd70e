/** How many calls were certainly let through within one minute, from what their callers saw. Times in milliseconds. */
export interface Span {
  readonly started: number;
  readonly ended: number;
}
export type Heard = Span;

const minute = 60_000;

/**
 * The most calls of which both beginning and end lie within one minute: each was let through in between. Minutes that touch one of `besides`,
 * or begin within one after it, do not count.
 */
export function mostWithinAMinute(heard: readonly Heard[], besides: readonly Span[]): number {
  let most = 0;
  for (const { started: from } of heard) {
    const to = from + minute;
    if (besides.some(({ started, ended }) => from < ended + minute && started < to)) continue;
    most = Math.max(most, heard.filter(({ started, ended }) => started >= from && ended <= to).length);
  }
  return most;
}
