import type { TenantPolicy } from '@cloister/tenancy';
import type { ServerResponse } from 'node:http';
import { fail } from '../errors.ts';
import type { RateLimiter, Verdict } from './window.ts';

/** Counts the request and tells the caller how it stands. Rejects with `rate_limit_exceeded`. A tenant without a limit is not counted. */
export async function enforceRateLimit(limiter: RateLimiter, { uid, rateLimits }: TenantPolicy, response: ServerResponse): Promise<void> {
  const limit = rateLimits.requestsPerMinute;
  if (limit === undefined) return;
  const verdict = await limiter.take(uid, limit);
  for (const [name, value] of Object.entries(headersOf(verdict))) response.setHeader(name, value);
  if (verdict.admitted) return;
  const seconds = verdict.retrySeconds;
  throw fail('rate_limit_exceeded', { values: { limit, seconds }, retryAfterSeconds: seconds });
}

/** Named and written as OpenAI does: a duration such as `12s` for the reset. */
const headersOf = ({ limit, remaining, resetSeconds }: Verdict): Record<string, string> => ({
  'x-ratelimit-limit-requests': String(limit),
  'x-ratelimit-remaining-requests': String(remaining),
  'x-ratelimit-reset-requests': `${resetSeconds}s`,
});
