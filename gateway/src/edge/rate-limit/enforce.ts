import type { TenantPolicy } from '@cloister/tenancy';
import type { ServerResponse } from 'node:http';
import type { KnownCaller } from '../authenticate.ts';
import { fail } from '../errors.ts';
import type { EdgeMetrics } from '../metrics.ts';
import type { CountingLimiter } from './fallback.ts';
import type { Counted, Standing } from './limiter.ts';
import { limitsOf, type OwnLimit } from './limits-of.ts';
import { windowSeconds } from './rolling-minute.ts';

export interface Enforcing {
  readonly limiter: CountingLimiter;
  readonly metrics: EdgeMetrics;
}

/** To be called once, when the request has ended, with what it has cost. */
export type EndRequest = (tokens: number) => void;

/**
 * Counts the request and tells the caller how it stands. Rejects with `rate_limit_exceeded`, which names the limit that it has to wait for
 * longest. Nothing is counted where there is no limit.
 */
export async function enforceRateLimits(
  { limiter, metrics }: Enforcing,
  caller: KnownCaller,
  policy: TenantPolicy,
  response: ServerResponse,
): Promise<EndRequest> {
  const limits = limitsOf(caller, policy);
  if (limits.length === 0) return () => undefined;
  const claim = { limits };
  const standings = await limiter.take(claim);
  const states = limits.flatMap((limit, index) => (standings[index] ? [{ limit, standing: standings[index] }] : []));
  const refusing = states.reduce(laterOf);
  const admitted = refusing.standing.retrySeconds === 0;
  tell(response, states, admitted);
  if (admitted) return (tokens) => limiter.end(claim, tokens);
  const { limit, standing } = refusing;
  metrics.rateLimited.inc({ tenant: policy.tenant, whose: limit.whose, limit: limit.counted });
  const seconds = standing.retrySeconds;
  throw fail('rate_limit_exceeded', { values: { ...limit.words, seconds }, retryAfterSeconds: seconds });
}

interface State {
  readonly limit: OwnLimit;
  readonly standing: Standing;
}

const laterOf = (one: State, other: State): State => (other.standing.retrySeconds > one.standing.retrySeconds ? other : one);

/** Named and written as OpenAI does: a duration such as `12s` for the reset. Of several limits, the one of which least is left. */
function tell(response: ServerResponse, states: readonly State[], admitted: boolean): void {
  for (const counted of ['requests', 'tokens'] satisfies Counted[]) {
    const taken = counted === 'requests' && admitted ? 1 : 0;
    let nearest: State | undefined;
    let least = Infinity;
    for (const state of states) {
      const left = Math.max(0, state.limit.most - state.standing.used - taken);
      if (state.limit.counted !== counted || left >= least) continue;
      nearest = state;
      least = left;
    }
    if (!nearest) continue;
    response.setHeader(`x-ratelimit-limit-${counted}`, String(nearest.limit.most));
    response.setHeader(`x-ratelimit-remaining-${counted}`, String(least));
    response.setHeader(`x-ratelimit-reset-${counted}`, `${taken > 0 ? windowSeconds + 1 : nearest.standing.resetSeconds}s`);
  }
}
