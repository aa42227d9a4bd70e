/**
 * One chat completion of an agent, in order: may it use this model → what is the worst it can cost → is that left → ask the provider →
 * bring back the answer → settle.
 *
 * Guarantees: however the call ends (answer, error, caller gone, time up), what it used is settled exactly once.
 */
import { ApiError } from '@cloister/api-errors';
import type { TenantPolicy } from '@cloister/tenancy';
import type { Request, Response } from 'express';
import type { Credentials, Providers } from '../../directory/directory.ts';
import type { Exchange } from '../../server/exchange.ts';
import { readBody } from '../../server/read-body.ts';
import type { Budget, Reservation, Used } from '../budget/budget.ts';
import type { EgressMetrics } from '../metrics.ts';
import type { Provider } from '../providers/provider.ts';
import { asApiError, costsNothing } from './failures.ts';
import { Meter } from './meter.ts';
import { outgoing } from './outgoing.ts';
import { passOn, type Ending } from './pass-on.ts';
import { parseChatRequest, wantsStream, wantsUsage, type ChatRequest } from './request.ts';
import { targetOf, type Target } from './target.ts';
import { worstCase } from './worst-case.ts';

export interface ChatParts {
  readonly providers: Providers;
  readonly credentials: Credentials;
  readonly budget: Budget;
  readonly providerFor: (target: Target) => Provider;
  readonly maxBodyBytes: number;
  readonly metrics: EgressMetrics;
}

export interface ChatCall {
  readonly request: Request;
  readonly response: Response;
  readonly exchange: Exchange;
  readonly policy: TenantPolicy;
  /** The agent's name, or empty when it gave none that the tenant has. */
  readonly agent: string;
}

export async function chat(call: ChatCall, parts: ChatParts): Promise<void> {
  const { exchange, policy, agent } = call;
  const body = await readBody(call.request, parts.maxBodyBytes);
  const asked = parseChatRequest(body);
  const target = targetOf(asked.model, policy, parts.providers, parts.credentials);
  exchange.note({ model: asked.model, stream: wantsStream(asked) });
  const worst = worstCase(asked, body.length, asked.model, target.model);

  const { uid: tenantUid, tenant, budget } = policy;
  const billed = { tenantUid, tenant, agent, model: asked.model, timeZone: budget.timeZone };
  const reservation = await parts.budget.reserve(billed, budget, worst).catch((error: unknown) => {
    if (error instanceof ApiError) parts.metrics.refused.inc({ tenant, code: error.code });
    throw error;
  });
  const meter = new Meter(asked, { inputTokens: worst.inputTokens, outputTokens: reservation.outputTokens });
  await perform({ ...call, asked, target, reservation, meter }, parts);
}

interface Performance extends ChatCall {
  readonly asked: ChatRequest;
  readonly target: Target;
  readonly reservation: Reservation;
  readonly meter: Meter;
}

async function perform(performance: Performance, parts: ChatParts): Promise<void> {
  const { target, meter } = performance;
  const finish = stopwatch(performance, parts);
  try {
    const ending = await askProvider(performance, parts);
    finish(await meter.used(), ending === 'cut' ? 'reservation_cut' : undefined);
  } catch (error) {
    const gone = performance.exchange.gone.aborted;
    const failure = asApiError(error, target.provider);
    const used = meter.reported ?? (costsNothing(error) ? { inputTokens: 0, outputTokens: 0 } : await meter.used());
    finish(used, gone ? 'caller_gone' : failure.code);
    if (!gone && !performance.response.headersSent) throw failure;
  }
}

async function askProvider({ asked, target, reservation, meter, ...call }: Performance, parts: ChatParts): Promise<Ending> {
  const { provider, model, credential } = target;
  const stream = wantsStream(asked);
  const body = outgoing(asked, provider.type, model.name, reservation.outputTokens);
  using end = endOf(call.exchange, provider.timeoutSeconds);
  const { signal, cut } = end;
  const answer = await parts.providerFor(target).chat({ provider, credential, body, stream, requestId: call.exchange.id, signal });
  return await passOn(answer, { response: call.response, meter, provider, usageWanted: wantsUsage(asked), signal, cut });
}

/** What ends a call before its time: the caller has left, the time is up, or it is cut. Must be disposed of, for the sake of its timer. */
function endOf({ gone }: Exchange, seconds: number) {
  const ending = new AbortController();
  const cut = () => ending.abort();
  const timer = setTimeout(() => ending.abort(new DOMException('the time for the call is up', 'TimeoutError')), seconds * 1000);
  if (gone.aborted) cut();
  gone.addEventListener('abort', cut, { once: true });
  return { signal: ending.signal, cut, [Symbol.dispose]: () => clearTimeout(timer) };
}

/** Settles and measures when called, once. */
function stopwatch({ exchange, policy, asked, target, reservation }: Performance, { metrics }: ChatParts) {
  const started = performance.now();
  return ({ inputTokens, outputTokens }: Used, problem: string | undefined): void => {
    const microUsd = reservation.settle({ inputTokens, outputTokens });
    exchange.note({ inputTokens, outputTokens, microUsd: Number(microUsd), problem });
    const { tenant } = policy;
    metrics.spent.inc({ tenant }, Number(microUsd));
    metrics.tokens.inc({ tenant, type: 'input' }, inputTokens);
    metrics.tokens.inc({ tenant, type: 'output' }, outputTokens);
    const call = { gen_ai_operation_name: 'chat', gen_ai_provider_name: target.provider.name, gen_ai_request_model: asked.model };
    metrics.operationDuration.observe({ ...call, error_type: problem ?? '' }, (performance.now() - started) / 1000);
    metrics.tokenUsage.observe({ ...call, gen_ai_token_type: 'input' }, inputTokens);
    metrics.tokenUsage.observe({ ...call, gen_ai_token_type: 'output' }, outputTokens);
  };
}
