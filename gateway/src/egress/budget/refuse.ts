/** Refusals of the budget as errors. */
import { fail } from '../errors.ts';
import { agentOf } from './limits.ts';
import type { AccountRefusal } from './tenant-lease.ts';

/** Seconds after which a call that found the rest of the budget reserved may find it free. */
const retryWhenReserved = 5;
const retryWhenUnavailable = 5;

export function refused({ account, window, unit, spent, renewsAt, renewsInSeconds }: AccountRefusal) {
  const agent = agentOf(account);
  const what = agent === undefined ? unit : `${unit} of agent "${agent}"`;
  const details = { values: { window, unit: what, renewsAt: new Date(renewsAt).toISOString().replace('.000Z', 'Z') } };
  return spent
    ? fail('budget_exceeded', { ...details, retryAfterSeconds: renewsInSeconds })
    : fail('budget_reserved', { ...details, retryAfterSeconds: Math.min(retryWhenReserved, renewsInSeconds) });
}

export const unavailable = (cause?: unknown) => fail('budget_unavailable', { retryAfterSeconds: retryWhenUnavailable, cause });
