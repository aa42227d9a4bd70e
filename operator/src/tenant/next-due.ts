/** When a tenant is looked at again although nothing has happened. */
import type { TenantStatus } from '../api/tenant.ts';
import { dueInMs } from '../rotation/due.ts';
import type { Configuration } from '../settings.ts';

/** Against what nobody thought of: as often as this everything is looked at anew. */
const longestMs = 6 * 3600_000;
/** The part of that time by which tenants that came together part. */
const partBy = 0.1;
/** What is due and is not replaced waits for something that is watched. */
const shortestMs = 10_000;

/** Milliseconds until the first of the credentials is old, six hours at most. */
export function nextDueMs(
  credentials: TenantStatus['credentials'],
  { rotation, holder }: { readonly rotation: Configuration['rotation']; readonly holder: string },
  now: Date,
): number {
  const days = { database: rotation.databaseDays, redis: rotation.redisDays, serving: rotation.servingDays };
  const dues = (['database', 'redis', 'serving'] as const).flatMap((name) => {
    const since = credentials?.[name]?.since;
    return since === undefined ? [] : dueInMs(new Date(since), { maxAgeDays: days[name], holder }, now);
  });
  const again = longestMs * (1 - partBy * Math.random());
  return Math.max(shortestMs, Math.min(again, ...dues));
}
