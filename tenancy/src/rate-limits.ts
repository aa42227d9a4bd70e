import { z } from 'zod';

/** Limits of one tenant, one API key or one user. Absent means unlimited. */
export const rateLimits = z.object({
  requestsPerMinute: z.int().positive().optional(),
  tokensPerMinute: z.int().positive().optional(),
  /** Requests in progress at the same time. */
  concurrentRequests: z.int().positive().optional(),
});
export type RateLimits = z.infer<typeof rateLimits>;

/**
 * How an agent tells edge how many tokens, of input and output together, a request has cost: as header of the answer or, where that is known
 * at its end only, as trailer. Callers never see it.
 */
export const tokensHeader = 'x-cloister-tokens';
