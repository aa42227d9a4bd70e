/** Refusals of the budget as errors. */
import { fail } from '../errors.ts';
import type { SoftRefusal } from './account-lease.ts';
import { holderOf } from './limits.ts';
import type { AccountRefusal } from './tenant-lease.ts';

/** Seconds after which a call that found the rest of the budget reserved may find it free. */
const retryWhenReserved = 5;
const retryWhenUnavailable = 5;

export function refused({ account, window, unit, spent, soft, renewsAt, renewsInSeconds }: AccountRefusal) {
  const budget = { window, unit: `${unit}${whose(account)}` };
  if (soft) return refusedSoftly(soft, { ...budget, percent: soft.percent });
  const details = { values: { ...budget, renewsAt: new Date(renewsAt).toISOString().replace('.000Z', 'Z') } };
  return spent
    ? fail('budget_exceeded', { ...details, retryAfterSeconds: renewsInSeconds })
    : fail('budget_reserved', { ...details, retryAfterSeconds: Math.min(retryWhenReserved, renewsInSeconds) });
}

function refusedSoftly({ opensInSeconds: seconds }: SoftRefusal, values: Readonly<Record<string, string | number>>) {
  if (seconds === undefined) return fail('budget_downgraded', { values });
  return fail('budget_throttled', { values: { ...values, seconds }, retryAfterSeconds: seconds });
}

/** A user hears of itself alone, so it needs no name. */
function whose(account: string): string {
  const { holder, name } = holderOf(account);
  return { tenant: '', agent: ` of agent "${name}"`, key: ` of API key "${name}"`, user: ' of this user' }[holder];
}

export const unavailable = (cause?: unknown) => fail('budget_unavailable', { retryAfterSeconds: retryWhenUnavailable, cause });
