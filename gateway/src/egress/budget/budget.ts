/**
 * The budget as one call sees it: reserve before, settle after.
 *
 * Guarantees: a tenant with limits never has more reserved and settled than they allow, over all replicas; a call is settled once; a tenant
 * without limits does not wait for the database.
 */
import type { TenantPolicy } from '@cloister/tenancy';
import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../errors.ts';
import { ladder, type Worst } from './ask.ts';
import type { Answer, Ask, Budgeted, Call, Ledger, Limit, Refusal, WindowKind } from './ledger.ts';
import { costOf, limitOf, type MicroUsd } from './money.ts';
import { together } from './reserve-together.ts';
import type { SettleQueue } from './settle-queue.ts';

export interface Used {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface Reservation {
  /** The most output the call may produce. */
  readonly outputTokens: number;
  /** Puts what was used in the place of what was reserved, in the background. Only the first call counts. Gives what it cost. */
  settle(used: Used): MicroUsd;
}

export interface Budget {
  /** Rejects with `budget_exceeded`, `budget_reserved` or `budget_unavailable`. */
  reserve(call: Call, limits: TenantPolicy['budget'], worst: Worst, seconds: number): Promise<Reservation>;
}

/** Seconds after which a call that found the rest of the budget reserved may find it free. */
const retryWhenReserved = 5;
const retryWhenUnavailable = 5;

/** Milliseconds that a call waits for others of this replica to be settled, before it is refused. */
const patience = 1_000;

export function budget(ledger: Ledger, queue: SettleQueue): Budget {
  const reserveTogether = together(ledger);
  return {
    reserve: async (call, budgetLimits, worst, seconds) => {
      const limits = limitsOf(budgetLimits);
      if (queue.full) throw unavailable();
      if (limits.length === 0) return reservation(call, worst, worst.outputTokens, false);
      const granted = await ask(call, limits, { call, rungs: ladder(worst), seconds });
      return reservation(call, worst, granted, true);
    },
  };

  /** Before it is refused, what this replica has not settled yet is: it may be just what is missing. */
  async function ask({ tenantUid, timeZone }: Call, limits: readonly Limit[], asked: Ask): Promise<number> {
    const tenant = { tenantUid, timeZone, limits };
    let answer = await reserve(tenant, asked);
    if ('refused' in answer && queue.size > 0) {
      await Promise.race([queue.flushed(), sleep(patience)]);
      answer = await reserve(tenant, asked);
    }
    if ('refused' in answer) throw refused(answer.refused);
    return answer.granted;
  }

  async function reserve(tenant: Budgeted, asked: Ask): Promise<Answer> {
    try {
      return await reserveTogether(tenant, asked);
    } catch (error) {
      // The ledger may have reserved all the same: should it have, this gives it back.
      queue.add({ call: asked.call, reserved: true, inputTokens: 0, outputTokens: 0, microUsd: 0n });
      throw unavailable(error);
    }
  }

  function reservation(call: Call, { price }: Worst, outputTokens: number, reserved: boolean): Reservation {
    let settled: MicroUsd | undefined;
    return {
      outputTokens,
      settle: (used) => {
        if (settled !== undefined) return settled;
        const microUsd = costOf(price, used.inputTokens, used.outputTokens);
        settled = microUsd;
        if (reserved || used.inputTokens + used.outputTokens > 0) queue.add({ call, reserved, ...used, microUsd });
        return microUsd;
      },
    };
  }
}

export function limitsOf({ daily, monthly }: TenantPolicy['budget']): Limit[] {
  const limit = (kind: WindowKind, window: typeof daily): Limit[] =>
    window === undefined || (window.usd === undefined && window.tokens === undefined)
      ? []
      : [{ kind, microUsd: window.usd === undefined ? undefined : limitOf(window.usd), tokens: window.tokens }];
  return [...limit('daily', daily), ...limit('monthly', monthly)];
}

function refused({ window, unit, spent, renewsAt, renewsInSeconds }: Refusal) {
  const details = { values: { window, unit, renewsAt } };
  return spent
    ? fail('budget_exceeded', { ...details, retryAfterSeconds: renewsInSeconds })
    : fail('budget_reserved', { ...details, retryAfterSeconds: Math.min(retryWhenReserved, renewsInSeconds) });
}

const unavailable = (cause?: unknown) => fail('budget_unavailable', { retryAfterSeconds: retryWhenUnavailable, cause });
