/** Refusals of the budget as errors. */
import { fail } from '../errors.ts';
import { holderOf } from './limits.ts';
import type { AccountRefusal } from './tenant-lease.ts';

/** Seconds after which a call that found the rest of the budget reserved may find it free. */
const retryWhenReserved = 5;
const retryWhenUnavailable = 5;

export function refused({ account, window, unit, spent, renewsAt, renewsInSeconds }: AccountRefusal) {
  const details = {
    values: { window, unit: `${unit}${whose(account)}`, renewsAt: new Date(renewsAt).toISOString().replace('.000Z', 'Z') },
  };
  return spent
    ? fail('budget_exceeded', { ...details, retryAfterSeconds: renewsInSeconds })
    : fail('budget_reserved', { ...details, retryAfterSeconds: Math.min(retryWhenReserved, renewsInSeconds) });
}

/** A user hears of itself alone, so it needs no name. */
function whose(account: string): string {
  const { holder, name } = holderOf(account);
  return { tenant: '', agent: ` of agent "${name}"`, key: ` of API key "${name}"`, user: ' of this user' }[holder];
}

export const unavailable = (cause?: unknown) => fail('budget_unavailable', { retryAfterSeconds: retryWhenUnavailable, cause });
