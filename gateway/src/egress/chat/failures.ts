/** What a failed provider is to the caller: never the provider's own words about our credential, always something that says what to do. */
import { ApiError } from '@cloister/api-errors';
import type { ProviderDocument } from '@cloister/tenancy';
import { errors } from 'undici';
import { fail } from '../errors.ts';
import type { Verdict } from '../providers/gates.ts';
import { BrokenAnswer, NeverSent, ProviderFailure } from '../providers/provider.ts';
import { TimeUp } from './call-time.ts';
import type { KeyOwner } from './target.ts';

/** Statuses with which a provider says that the request itself is at fault. */
const callersFault = new Set([400, 404, 413, 415, 422]);
const longestRetry = 3600;

interface Called {
  readonly provider: ProviderDocument;
  readonly whose: KeyOwner | undefined;
}

export function asApiError(failed: unknown, { provider, whose }: Called): ApiError {
  const { name, timeoutSeconds, idleSeconds } = provider;
  const error = failed instanceof NeverSent ? failed.cause : failed;
  if (error instanceof ApiError) return error;
  if (error instanceof ProviderFailure) return (whose === 'own' ? ofOwnKey(error, name) : undefined) ?? ofStatus(error, name);
  if (error instanceof BrokenAnswer) return fail('provider_failed', { values: { provider: name, problem: error.message }, cause: error });
  const timeout = (seconds: number) => fail('provider_timeout', { values: { provider: name, seconds }, cause: error });
  if (error instanceof TimeUp) return timeout(error.seconds);
  if (error instanceof errors.BodyTimeoutError) return timeout(idleSeconds ?? timeoutSeconds);
  if (error instanceof errors.HeadersTimeoutError) return timeout(timeoutSeconds);
  return fail('provider_unreachable', { values: { provider: name }, cause: error });
}

/**
 * Whether nothing can have been billed: the request never went out, or the provider says that it did not begin with it. All other failures may
 * come from something in front of a model that has answered, or answers still, and bills.
 */
export const costsNothing = (error: unknown, { type }: Pick<ProviderDocument, 'type'>): boolean =>
  error instanceof NeverSent || (error instanceof ProviderFailure && saysThatNothingBegan(error.status, type));

/** Somebody waited for an answer, and gave up. */
const gaveUp: ReadonlySet<number> = new Set([408, 499]);
/** It has no room. */
const overloaded: ReadonlySet<number> = new Set([503, 529]);

/** Azure bills prompts that it read and rejected: for what its filter found in them, or for their length (its "Plan to manage costs"). */
function saysThatNothingBegan(status: number, type: ProviderDocument['type']): boolean {
  if (type === 'AzureOpenAI' && status === 400) return false;
  return overloaded.has(status) || (status >= 300 && status < 500 && !gaveUp.has(status));
}

/** What a failed attempt says about its provider. An error about the request is an answer, too. */
export function verdictOn(error: unknown): Verdict {
  if (error instanceof NeverSent && error.cause instanceof ProviderFailure) return 'untried';
  if (error instanceof ProviderFailure) return error.status >= 500 ? 'failed' : 'answered';
  return foundNoConnection(error) ? 'unreachable' : 'failed';
}

/** What is wrong with the key that a tenant brought, or with the account behind it; undefined for all else. */
function ofOwnKey(error: ProviderFailure, provider: string): ApiError | undefined {
  const { status } = error;
  if (status === 401 || status === 403) return fail('own_key_rejected', { values: { provider }, cause: error });
  if (status === 402 || error.quotaSpent) return fail('own_key_spent', { values: { provider }, cause: error });
  // few say whether it is the limit of a minute or of the contract; either is that account's
  return status === 429 ? fail('own_key_limited', { values: { provider }, retryAfterSeconds: retryAfter(error), cause: error }) : undefined;
}

const retryAfter = ({ retryAfterSeconds = 1 }: ProviderFailure): number => Math.min(retryAfterSeconds, longestRetry);

function ofStatus(error: ProviderFailure, provider: string): ApiError {
  const { status, problem, param, retryAfterSeconds } = error;
  if (status === 401 || status === 403) return fail('provider_credentials_rejected', { values: { provider }, cause: error });
  if (status === 429) return fail('provider_rate_limited', { values: { provider }, retryAfterSeconds: retryAfter(error), cause: error });
  const said = { provider, problem: problem === '' ? `it answered ${status}` : problem };
  if (callersFault.has(status)) return fail('provider_rejected', { values: said, ...(param === undefined ? {} : { param }), cause: error });
  // what providers say of their own failures may tell of their insides and ours: the status has to do
  const failed = { provider, problem: `it answered ${status}` };
  return fail('provider_failed', { values: failed, cause: error, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) });
}

/**
 * Not for want of time, of which a tenant's retries can leave little, and not because the request could be sent to nobody, as with a key that fits
 * into no header.
 */
const foundNoConnection = (error: unknown): boolean =>
  error instanceof NeverSent && codeOf(error.cause) !== '' && !(error.cause instanceof errors.InvalidArgumentError);

/** No connection came about, or it broke. */
export const isConnectionFailure = (error: unknown): boolean => foundNoConnection(error) || broken.has(codeOf(error));

const broken = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'UND_ERR_SOCKET']);

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : '';
