import type { TenantPolicy } from '@cloister/tenancy';
import { ApiError } from '@cloister/api-errors';
import type { Worst } from '../budget/ask.ts';
import { dearestInputOf, type Price } from '../budget/money.ts';
import type { Operation } from './operation.ts';
import { keyOwner, offerOf, targetOf, type Known, type Offered } from './target.ts';

interface Asking<M extends Offered> {
  readonly operation: Operation<M>;
  readonly policy: TenantPolicy;
  readonly agent: string;
}

/**
 * Models to which a call may be downgraded, in order: those that cost less than the one that was asked for and can take the call as it is.
 * None where the tenant's budget says something else, or for calls that no other model can answer. One for which a key of the tenant's own is
 * missing stays: its call is to fail, and not to be answered by the next, for which somebody else may pay.
 */
export function cheaperModels<M extends Offered>({ operation, policy, agent }: Asking<M>, known: Known): string[] {
  const { onExceeded } = policy.budget;
  if (onExceeded?.action !== 'Downgrade' || !operation.replaceable) return [];
  const worstOf = (model: string): Worst | undefined => {
    try {
      const offer = offerOf(model, operation.offers, policy, known);
      const { model: offered } = keyOwner(offer.provider, policy) === 'own' ? offer : targetOf(offer, policy, known);
      return operation.worst(model, offered);
    } catch (error) {
      if (error instanceof ApiError) return undefined; // it may not be used, is not there, lacks the platform's key, or would refuse this call
      throw error;
    }
  };
  const asked = worstOf(operation.model);
  if (!asked) return [];
  const named = policy.agents.find(({ name }) => name === agent)?.downgradeTo ?? onExceeded.downgradeTo;
  return named.filter((model) => {
    const worst = worstOf(model);
    return worst !== undefined && isCheaper(worst.price, asked.price);
  });
}

/** In both directions, so that it does not depend on the answer. What another model has in its cache is of no use to this one. */
const isCheaper = (one: Price, other: Price): boolean =>
  one.inputPicoUsd <= other.inputPicoUsd &&
  dearestInputOf(one) <= dearestInputOf(other) &&
  one.outputPicoUsd <= other.outputPicoUsd &&
  one.inputPicoUsd + one.outputPicoUsd < other.inputPicoUsd + other.outputPicoUsd;
