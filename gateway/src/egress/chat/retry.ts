/**
 * Whether a failed call is sent again, when, and whether another model may answer instead. Pure, but for the dice. All of it is about calls
 * of which nothing was sent to the caller.
 */
import type { ApiError } from '@cloister/api-errors';
import { errors } from 'undici';
import { BrokenAnswer, NeverSent, ProviderFailure } from '../providers/provider.ts';
import { TimeUp } from './call-time.ts';
import { isConnectionFailure } from './failures.ts';

/** Milliseconds. The pause before the n-th retry is anything up to the first one doubled n times, so that those who failed together do not return together. */
const firstPause = 250;
const longestPause = 4_000;

/** A provider that wants to be left alone for longer than this is not waited for: a fallback or the caller is told at once. */
const longestWait = 10_000;

/** The provider could not just now. 529 is how some say that they are overloaded. */
const passing: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504, 529]);

/** Milliseconds to wait before the retry of this number, counted from 0; undefined where the call must not be sent again. */
export function pauseBefore(retry: number, error: unknown, random: () => number = Math.random): number | undefined {
  if (!mayPass(error)) return undefined;
  const jitter = random() * Math.min(firstPause * 2 ** retry, longestPause);
  const asked = error instanceof ProviderFailure ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
  return asked > longestWait ? undefined : asked + jitter;
}

function mayPass(error: unknown): boolean {
  if (error instanceof NeverSent && error.cause instanceof TimeUp) return true;
  if (error instanceof ProviderFailure) return passing.has(error.status) && !error.quotaSpent;
  return error instanceof BrokenAnswer || error instanceof TimeUp || isConnectionFailure(error) || isSilence(error);
}

const isSilence = (error: unknown): boolean => error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError;

/**
 * The provider is at fault and not the request, so another one may do better. Not where a key of the tenant's own is: what answered in its place
 * would be paid for by somebody else.
 */
export const mayFallBack = ({ code, kind }: ApiError): boolean =>
  code.startsWith('provider_') && (kind.status >= 500 || code === 'provider_rate_limited');

export const isOwnKeysFault = ({ code }: ApiError): boolean => code.startsWith('own_key_');
