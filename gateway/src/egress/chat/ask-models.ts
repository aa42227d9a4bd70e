/**
 * One call of an agent: the model that it asked for, again where that may help, then those that answer in its place.
 *
 * Guarantees: nothing is tried again once a byte of an answer has gone to the caller; the caller hears what is wrong with the model that it
 * asked for, whatever became of the others, save where a key of the tenant's own is at fault: that ends the call, and the agent's own list of
 * models, which it would go through after any failure of a provider.
 */
import { ApiError } from '@cloister/api-errors';
import { budgetNotes, cacheHeader, type TenantPolicy, type Voucher } from '@cloister/tenancy';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Exchange } from '../../server/exchange.ts';
import type { Soft } from '../budget/soft-limit.ts';
import type { AnswerCache, Place } from '../cache/answer-cache.ts';
import { attempt, type Attempt, type AttemptParts } from './attempt.ts';
import { cheaperModels } from './cheaper.ts';
import type { Operation } from './operation.ts';
import { give } from './pass-on.ts';
import { isOwnKeysFault, mayFallBack, pauseBefore } from './retry.ts';
import { Tally } from './tally.ts';
import { keyOwner, offerOf, targetOf, type Known, type Offer, type Offered, type Target } from './target.ts';
import type { Throttle } from './throttle.ts';

export interface AskParts extends AttemptParts, Known {
  readonly throttle: Throttle;
  readonly answers: AnswerCache;
  readonly maxBodyBytes: number;
}

export interface ModelCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly exchange: Exchange;
  readonly policy: TenantPolicy;
  /** The agent's name, or empty where the pod is of none that the tenant has. */
  readonly agent: string;
  /** On whose behalf; undefined where edge has vouched for nobody. */
  readonly voucher: Voucher | undefined;
}

interface Asking<M extends Offered> extends ModelCall {
  readonly operation: Operation<M>;
  readonly tally: Tally;
  readonly soft: Soft | undefined;
}

export async function askModels<M extends Offered>(call: ModelCall, operation: Operation<M>, parts: AskParts): Promise<void> {
  const { exchange, policy } = call;
  exchange.note({ stream: operation.stream });
  const cheaper = cheaperModels({ ...call, operation }, parts);
  const soft = softLimitOf(policy, cheaper);
  const asking = { ...call, operation, tally: new Tally(exchange), soft };
  const failure = await askModel(operation.model, asking, parts);
  if (!failure) return;
  const told =
    failure.code === 'budget_downgraded'
      ? await downgrade(cheaper, { ...asking, soft: undefined }, parts)
      : await fallBack(failure, { ...asking, soft: soft?.rest === 'kept' ? undefined : soft }, parts);
  if (!told) return;
  if (isRefusal(told)) parts.metrics.refused.inc({ tenant: policy.tenant, code: told.code });
  throw told;
}

const isRefusal = ({ code }: ApiError): boolean => code.startsWith('budget_');

/** How far calls may go into a budget before something is done. */
function softLimitOf({ budget: { onExceeded } }: TenantPolicy, cheaper: readonly string[]): Soft | undefined {
  if (!onExceeded || (onExceeded.action === 'Downgrade' && cheaper.length === 0)) return undefined;
  return { percent: onExceeded.softLimitPercent, rest: onExceeded.action === 'Downgrade' ? 'kept' : 'released' };
}

/** Gives what the caller is to be told where nobody has answered. */
async function fallBack<M extends Offered>(failure: ApiError, asking: Asking<M>, parts: AskParts): Promise<ApiError | undefined> {
  if (!mayFallBack(failure)) return failure;
  for (const model of asking.operation.fallbacks(asking.policy, parts.providers)) {
    const failed = await askModel(model, asking, parts);
    if (!failed) return undefined;
    if (isOwnKeysFault(failed)) return failed;
  }
  return failure;
}

/**
 * The same, as if the caller had asked for the first of these. Headers and facts stand before the answer does.
 *
 * That one cannot take the call as it is, since it is longer than its context window or has what that model does not know, is seen by its rejection
 * alone, which costs nothing with most. Where no other one answers then, the call is what it would be without them.
 */
async function downgrade<M extends Offered>(cheaper: readonly string[], asking: Asking<M>, parts: AskParts): Promise<ApiError | undefined> {
  const { response, exchange, policy } = asking;
  let failure: ApiError | undefined;
  let rejected = false;
  for (const model of cheaper) {
    response.setHeader(budgetNotes.downgraded, model);
    exchange.note({ downgradedTo: model });
    const failed = await askModel(model, asking, parts);
    if (!failed) {
      parts.metrics.downgraded.inc({ tenant: policy.tenant });
      return undefined;
    }
    failure = isOwnKeysFault(failed) ? failed : (failure ?? failed);
    rejected ||= failed.code === 'provider_rejected';
    if (!mayGoOn(failed)) break;
  }
  response.removeHeader(budgetNotes.downgraded);
  exchange.note({ downgradedTo: undefined });
  if (!rejected || (failure && isOwnKeysFault(failure))) return failure;
  const blocked = await askModel(asking.operation.model, asking, parts);
  return blocked && fallBack(blocked, asking, parts);
}

const mayGoOn = (failed: ApiError): boolean => mayFallBack(failed) || isRefusal(failed) || failed.code === 'provider_rejected';

/** Undefined when nothing is left to be done. */
async function askModel<M extends Offered>(model: string, asking: Asking<M>, parts: AskParts): Promise<ApiError | undefined> {
  const { operation, policy, exchange } = asking;
  try {
    const offer = offerOf(model, operation.offers, policy, parts);
    if (model === operation.model) exchange.note({ model }); // and not before: who may not use it may write anything in its place
    const target = withKey({ ...asking, model, offer }, parts);
    const worst = operation.worst(model, target.model);
    const place = parts.answers.placeOf({ ...asking, target });
    if (place && (await gaveAgain(model, place, asking, parts))) return undefined;
    return await askInTime({ ...asking, model, target, worst, keep: place?.keep }, parts);
  } catch (error) {
    if (exchange.gone.aborted) return undefined;
    if (error instanceof ApiError) return error;
    throw error;
  }
}

/** That there is none is told as an attempt that failed. */
function withKey<M extends Offered>(
  { model, offer, policy, tally }: Asking<M> & { readonly model: string; readonly offer: Offer<M> },
  parts: AskParts,
): Target<M> {
  try {
    return targetOf(offer, policy, parts);
  } catch (error) {
    if (error instanceof ApiError) {
      tally.refused({ model, target: { whose: keyOwner(offer.provider, policy) } }, error.code);
      parts.metrics.attempts.inc({ provider: offer.provider.name, outcome: error.code });
    }
    throw error;
  }
}

/** Waits where a budget is given out bit by bit, and rejects when the caller leaves meanwhile. */
async function askInTime(call: Omit<Attempt, 'left'>, parts: AskParts): Promise<ApiError | undefined> {
  const { exchange, response, policy } = call;
  const { tenant } = policy;
  for (let waited = 0; ;) {
    const failure = await askAgain(call, parts);
    if (failure?.code !== 'budget_throttled') return failure;
    if (waited === 0) parts.metrics.throttled.inc({ tenant });
    const pause = await parts.throttle.hold(failure, { tenant, waited, signal: exchange.gone });
    if (pause === undefined) return failure;
    waited += pause;
    response.setHeader(budgetNotes.throttled, (waited / 1000).toFixed(1));
    exchange.note({ throttledMs: waited });
  }
}

/** Whether the answer was there. It costs nothing, so it needs no budget, no provider that is well, and no place with it. */
async function gaveAgain(model: string, place: Place, asking: Asking<Offered>, { metrics }: AskParts): Promise<boolean> {
  const { response, exchange, policy } = asking;
  const found = await place.find();
  const hit = found !== undefined && found !== 'away';
  const cache = hit ? 'hit' : 'miss';
  metrics.cacheLookups.inc({ tenant: policy.tenant, outcome: found === 'away' ? found : cache });
  response.setHeader(cacheHeader, cache);
  exchange.note({ cache });
  if (!hit) return false;
  exchange.note({ toolCalls: undefined }); // of an answer that did not pass
  asking.tally.gaveAgain(model);
  give(found, response);
  return true;
}

/** Rejects when the caller leaves during a pause. */
async function askAgain(call: Omit<Attempt, 'left'>, parts: AttemptParts): Promise<ApiError | undefined> {
  const { retries = 0, timeoutSeconds } = call.target.provider;
  const until = performance.now() + timeoutSeconds * 1000;
  let failure: ApiError | undefined;
  for (let retry = 0; ; retry++) {
    const failed = await attempt({ ...call, left: (until - performance.now()) / 1000 }, parts);
    if (!failed) return undefined;
    if (failed.sent || !failure) failure = failed.failure; // that there was no room for a retry is not what is wrong
    const pause = retry < retries ? pauseBefore(retry, failed.error) : undefined;
    if (pause === undefined || performance.now() + pause >= until) return failure;
    await sleep(pause, undefined, { signal: call.exchange.gone });
  }
}
