/**
 * Google's Gemini by its layer for OpenAI's clients. Requests and answers are OpenAI's; errors are Google's own: a wait stands in the body.
 */
import { z } from 'zod';
import type { ErrorWords } from '../openai/failure.ts';
import type { Dialect } from '../openai/openai.ts';
import { ProviderFailure } from '../provider.ts';

export const gemini: Partial<Dialect> = {
  failure: (failure, error) => {
    const waitSeconds = waitIn(error);
    if (waitSeconds === undefined) return failure;
    return new ProviderFailure(failure.status, { problem: failure.problem, retryAfterSeconds: waitSeconds });
  },
};

const details = z.array(
  z.looseObject({
    /** As in `RetryInfo`, for example 34s or 0.5s. */
    retryDelay: z
      .string()
      .regex(/^\d{1,9}(\.\d{1,9})?s$/)
      .transform((delay) => Number(delay.slice(0, -1)))
      .optional(),
  }),
);

const waitIn = (error: ErrorWords): number | undefined =>
  details.safeParse(error['details']).data?.find(({ retryDelay }) => retryDelay !== undefined)?.retryDelay;
