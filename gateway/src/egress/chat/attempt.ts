/**
 * One attempt at one model, in order: is the provider to be called at all → is the worst that it can cost left → ask → bring back the answer
 * → settle.
 *
 * Guarantees: each attempt has a reservation of its own; however it ends (answer, error, caller gone, time up), what it used is settled
 * exactly once; an attempt that gives a failure back has sent nothing to the caller.
 */
import { ApiError } from '@cloister/api-errors';
import type { TenantPolicy, Voucher } from '@cloister/tenancy';
import type { ServerResponse } from 'node:http';
import type { Exchange } from '../../server/exchange.ts';
import type { Budget, Reservation } from '../budget/budget.ts';
import type { Soft } from '../budget/soft-limit.ts';
import { within, type Reported } from '../budget/used.ts';
import type { EgressMetrics } from '../metrics.ts';
import type { Gates, Verdict } from '../providers/gates.ts';
import { NeverSent, ProviderFailure, type Provider } from '../providers/provider.ts';
import { attemptSpan, type AttemptSpan } from './attempt-span.ts';
import { callTime, type CallTime } from './call-time.ts';
import { asApiError, costsNothing, verdictOn } from './failures.ts';
import type { Bounds, Operation, Sending } from './operation.ts';
import type { Tally } from './tally.ts';
import type { Offered, Target } from './target.ts';

export interface AttemptParts {
  readonly budget: Budget;
  readonly gates: Gates;
  readonly providerFor: (target: Target) => Provider;
  readonly metrics: EgressMetrics;
}

export interface Attempt {
  readonly response: ServerResponse;
  readonly exchange: Exchange;
  readonly policy: TenantPolicy;
  readonly agent: string;
  /** On whose behalf; undefined where edge has vouched for nobody. */
  readonly voucher: Voucher | undefined;
  readonly operation: Pick<Operation<Offered>, 'name' | 'stream' | 'begin'>;
  /** In full. */
  readonly model: string;
  readonly target: Target;
  readonly worst: Bounds;
  /** Seconds left of what the provider is allowed. */
  readonly left: number;
  readonly tally: Tally;
  /** How far it may go into the budgets; undefined: as far as they go. */
  readonly soft: Soft | undefined;
  readonly keep: Sending['keep'];
}

export interface Failed {
  /** For the caller, if nothing else is tried. */
  readonly failure: ApiError;
  readonly error: unknown;
  /** The provider was asked. Where not, the budget refused, or nobody was to be asked now. */
  readonly sent: boolean;
}

/** Undefined: it was answered, or has ended in a way that leaves nobody to be told. */
export async function attempt(call: Attempt, parts: AttemptParts): Promise<Failed | undefined> {
  const { exchange, target, policy } = call;
  const { timeoutSeconds: total, firstTokenSeconds } = target.provider;
  const firstToken = call.operation.stream ? firstTokenSeconds : undefined;
  using time = callTime(exchange.gone, { total, left: call.left, firstToken });
  const span = attemptSpan(call);
  let verdict: Verdict = 'untried';
  try {
    const entry = await parts.gates.enter(target.provider, policy.tenant, time.signal);
    try {
      const reservation = await reserve(call, parts);
      verdict = 'unknown';
      const performed = await perform({ ...call, reservation, time, span }, parts);
      verdict = performed.verdict;
      return performed.failed;
    } finally {
      entry.leave(verdict);
    }
  } catch (error) {
    if (exchange.gone.aborted) return undefined;
    if (!(error instanceof ApiError) && !time.signal.aborted) throw error;
    const failure = asApiError(error, target);
    call.tally.refused(call, failure.code);
    span?.refused(failure.code);
    parts.metrics.attempts.inc({ provider: target.provider.name, outcome: failure.code });
    return { failure, error, sent: false };
  } finally {
    span?.left();
  }
}

function reserve({ policy, agent, voucher, model, worst, soft }: Attempt, { budget }: AttemptParts): Promise<Reservation> {
  const { uid: tenantUid, tenant } = policy;
  const { perUser, onExceeded: _onExceeded, ...own } = policy.budget;
  const caller = voucher?.caller ?? '';
  const billed = { tenantUid, tenant, agent, caller, model, timeZone: own.timeZone };
  const limits = {
    ...own,
    ofAgent: policy.agents.find(({ name }) => name === agent)?.budget,
    ofCaller: caller.startsWith('user:') ? perUser : voucher?.budget,
    soft,
    saidBy: policy.budget,
  };
  return budget.reserve(billed, limits, worst);
}

const nothing: Reported = { inputTokens: 0, outputTokens: 0 };

interface Performance extends Attempt {
  readonly reservation: Reservation;
  readonly time: CallTime;
  readonly span: AttemptSpan | undefined;
}

interface Performed {
  readonly verdict: Verdict;
  /** Missing where it was answered, or nobody is left to be told. */
  readonly failed?: Failed;
}

async function perform(call: Performance, parts: AttemptParts): Promise<Performed> {
  const { operation, target, worst, reservation, response, exchange, time, keep } = call;
  const reserved = { inputTokens: worst.inputTokens, outputTokens: reservation.outputTokens };
  const course = operation.begin({ ...reserved, possible: worst.possible });
  const finish = stopwatch(call, parts);
  try {
    const ending = await course.run({ provider: parts.providerFor(target), target, response, requestId: exchange.id, time, keep });
    finish(await course.used(), ending === 'cut' ? 'reservation_cut' : undefined);
    return { verdict: exchange.gone.aborted ? 'unknown' : 'answered' };
  } catch (error) {
    const gone = exchange.gone.aborted;
    const failure = asApiError(error, target);
    let used: Reported = { ...reserved, inputUntold: true }; // unless it can be worked out
    try {
      used = course.reported ?? (costsNothing(error, target.provider) ? nothing : await course.used(error instanceof ProviderFailure));
    } finally {
      finish(used, gone ? 'caller_gone' : failure.code, error);
    }
    if (gone) return { verdict: error instanceof NeverSent ? 'untried' : 'unknown' };
    return response.headersSent ? { verdict: 'answered' } : { verdict: verdictOn(error), failed: { failure, error, sent: true } };
  } finally {
    exchange.note({ toolCalls: course.toolCalls });
  }
}

/** Settles and measures when called, once. */
function stopwatch(attempted: Performance, { metrics }: AttemptParts) {
  const { operation, policy, model, target, worst, reservation, tally, exchange, span } = attempted;
  const started = performance.now();
  return (said: Reported, problem: string | undefined, error?: unknown): void => {
    const used = within(said, worst.possible);
    const { inputTokens, outputTokens, cachedTokens = 0, cacheWriteTokens = 0, reasoningTokens = 0 } = used;
    if (inputTokens < said.inputTokens || outputTokens < said.outputTokens) exchange.note({ impossibleUsage: true });
    const microUsd = reservation.settle(used);
    tally.ended(attempted, { ...used, microUsd }, problem);
    span?.ended({ ...used, microUsd }, problem, error);
    const { tenant } = policy;
    const { name: provider } = target.provider;
    metrics.attempts.inc({ provider, outcome: problem ?? 'answered' });
    metrics.spent.inc({ tenant }, Number(microUsd));
    metrics.tokens.inc({ tenant, type: 'input' }, inputTokens);
    metrics.tokens.inc({ tenant, type: 'output' }, outputTokens);
    if (cachedTokens > 0) metrics.tokenParts.inc({ tenant, type: 'cached' }, cachedTokens);
    if (cacheWriteTokens > 0) metrics.tokenParts.inc({ tenant, type: 'cache_write' }, cacheWriteTokens);
    if (reasoningTokens > 0) metrics.tokenParts.inc({ tenant, type: 'reasoning' }, reasoningTokens);
    const call = { gen_ai_operation_name: operation.name, gen_ai_provider_name: provider, gen_ai_request_model: model };
    metrics.operationDuration.observe({ ...call, error_type: problem ?? '' }, (performance.now() - started) / 1000);
    metrics.tokenUsage.observe({ ...call, gen_ai_token_type: 'input' }, inputTokens);
    metrics.tokenUsage.observe({ ...call, gen_ai_token_type: 'output' }, outputTokens);
  };
}
