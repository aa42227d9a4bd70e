/**
 * Google's Gemini by its layer for OpenAI's clients. Requests and answers are OpenAI's; errors are Google's own, which say more than their
 * status: a wrong key and an account that is not in order come as 400, as if the request were at fault, and a wait stands in the body.
 */
import { z } from 'zod';
import type { ErrorWords } from '../openai/failure.ts';
import type { Dialect } from '../openai/openai.ts';
import { ProviderFailure } from '../provider.ts';

export const gemini: Partial<Dialect> = {
  failure: (failure, error) => {
    const { reasons, waitSeconds } = detailsOf(error);
    if (failure.status === 400 && reasons.includes('API_KEY_INVALID')) return new ProviderFailure(401);
    if (failure.status === 400 && error['status'] === 'FAILED_PRECONDITION') return new ProviderFailure(402);
    if (waitSeconds === undefined) return failure;
    return new ProviderFailure(failure.status, { problem: failure.problem, retryAfterSeconds: waitSeconds });
  },
};

const details = z.array(
  z.looseObject({
    /** As in `ErrorInfo`. */
    reason: z.string().optional(),
    /** As in `RetryInfo`, for example 34s or 0.5s. */
    retryDelay: z
      .string()
      .regex(/^\d{1,9}(\.\d{1,9})?s$/)
      .transform((delay) => Number(delay.slice(0, -1)))
      .optional(),
  }),
);

function detailsOf(error: ErrorWords): { reasons: string[]; waitSeconds: number | undefined } {
  const list = details.safeParse(error['details']).data ?? [];
  return {
    reasons: list.flatMap(({ reason }) => reason ?? []),
    waitSeconds: list.find(({ retryDelay }) => retryDelay !== undefined)?.retryDelay,
  };
}
