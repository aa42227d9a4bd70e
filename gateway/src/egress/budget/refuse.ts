/** Refusals of the budget as errors. */
import { fail } from '../errors.ts';
import type { TimedRefusal } from './tenant-lease.ts';

/** Seconds after which a call that found the rest of the budget reserved may find it free. */
const retryWhenReserved = 5;
const retryWhenUnavailable = 5;

export function refused({ window, unit, spent, renewsAt, renewsInSeconds }: TimedRefusal) {
  const details = { values: { window, unit, renewsAt: new Date(renewsAt).toISOString().replace('.000Z', 'Z') } };
  return spent
    ? fail('budget_exceeded', { ...details, retryAfterSeconds: renewsInSeconds })
    : fail('budget_reserved', { ...details, retryAfterSeconds: Math.min(retryWhenReserved, renewsInSeconds) });
}

export const unavailable = (cause?: unknown) => fail('budget_unavailable', { retryAfterSeconds: retryWhenUnavailable, cause });
