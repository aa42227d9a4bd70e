/** Holds back calls of budgets that are to last, before they take anything that others need: no place with a provider, nothing of a budget. */
import type { ApiError } from '@cloister/api-errors';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds that a call waits altogether. Clients whose patience is shorter are rare. */
export const longestThrottle = 10_000;

/** Calls of one tenant that wait on this replica, each with its body in memory. Others are told at once when to come again. */
export const mostThrottled = 100;

export interface Held {
  readonly tenant: string;
  /** Milliseconds that the call has waited before. */
  readonly waited: number;
  readonly signal: AbortSignal;
}

export class Throttle {
  readonly #held = new Map<string, number>();

  /** Resolves with the milliseconds that it has waited, or undefined where the call is to be refused. Rejects when the caller leaves. */
  async hold({ code, details }: ApiError, { tenant, waited, signal }: Held): Promise<number | undefined> {
    const pause = (details.retryAfterSeconds ?? Infinity) * 1000;
    const held = this.#held.get(tenant) ?? 0;
    if (code !== 'budget_throttled' || waited + pause > longestThrottle || held >= mostThrottled) return undefined;
    this.#held.set(tenant, held + 1);
    try {
      await sleep(pause, undefined, { signal });
      return pause;
    } finally {
      this.#leave(tenant);
    }
  }

  #leave(tenant: string): void {
    const left = (this.#held.get(tenant) ?? 1) - 1;
    if (left > 0) this.#held.set(tenant, left);
    else this.#held.delete(tenant);
  }
}
