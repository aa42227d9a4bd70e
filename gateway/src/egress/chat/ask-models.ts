/**
 * One call of an agent: the model that it asked for, again where that may help, then those that answer in its place.
 *
 * Guarantees: nothing is tried again once a byte of an answer has gone to the caller; the caller hears what is wrong with the model that it
 * asked for, whatever became of the others.
 */
import { ApiError } from '@cloister/api-errors';
import type { TenantPolicy, Voucher } from '@cloister/tenancy';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Credentials, Providers } from '../../directory/directory.ts';
import type { Exchange } from '../../server/exchange.ts';
import { attempt, type Attempt, type AttemptParts } from './attempt.ts';
import type { Operation } from './operation.ts';
import { mayFallBack, pauseBefore } from './retry.ts';
import { Tally } from './tally.ts';
import { targetOf, type Offered } from './target.ts';

export interface AskParts extends AttemptParts {
  readonly providers: Providers;
  readonly credentials: Credentials;
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
}

export async function askModels<M extends Offered>(call: ModelCall, operation: Operation<M>, parts: AskParts): Promise<void> {
  const { exchange, policy } = call;
  exchange.note({ stream: operation.stream });
  const asking = { ...call, operation, tally: new Tally(exchange) };
  const failure = await askModel(operation.model, asking, parts);
  if (!failure) return;
  if (!mayFallBack(failure)) throw failure;
  for (const model of operation.fallbacks(policy, parts.providers)) if (!(await askModel(model, asking, parts))) return;
  throw failure;
}

/** Undefined when nothing is left to be done. */
async function askModel<M extends Offered>(model: string, asking: Asking<M>, parts: AskParts): Promise<ApiError | undefined> {
  const { operation, policy, exchange } = asking;
  try {
    const target = targetOf(model, operation.offers, policy, parts);
    if (model === operation.model) exchange.note({ model }); // and not before: who may not use it may write anything in its place
    const worst = operation.worst(model, target.model);
    return await askAgain({ ...asking, model, target, worst }, parts);
  } catch (error) {
    if (exchange.gone.aborted) return undefined;
    if (error instanceof ApiError) return error;
    throw error;
  }
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
