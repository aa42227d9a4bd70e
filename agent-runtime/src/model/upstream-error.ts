import { ApiError } from '@cloister/api-errors';
import { z } from 'zod';
import { fail } from '../errors.ts';
import { budgetNotesOf } from './budget-notes.ts';
import { readAll } from './bytes.ts';
import type { ModelAnswer } from './egress.ts';

const errorBody = z.object({
  error: z.object({
    message: z.string(),
    type: z.string().nullish(),
    param: z.string().nullish(),
    code: z.union([z.string(), z.number()]).nullish(),
  }),
});

/** An error body is a few hundred bytes; more than this is none of ours. */
const longest = 65_536;
const passedHeaders = /^(retry-after|x-ratelimit-.+)$/;

/**
 * The error with which to answer our caller when egress answered `answer`. Egress's own errors (model not allowed, budget spent, provider away)
 * pass as they are, but never a 401: it concerns this pod's token, and the caller would take it for a remark on his own.
 */
export async function upstreamError(answer: ModelAnswer, model: string): Promise<ApiError> {
  const parsed = errorBody.safeParse(parseJSON(await readAll(answer.body, longest)));
  if (answer.status === 401) return fail('model_access_refused');
  if (!parsed.success) return fail('model_failed', { values: { model, status: answer.status } });
  const { message, type, param, code } = parsed.data.error;
  const kind = { status: answer.status, type: type ?? 'server_error', say: '{message}' };
  return new ApiError(String(code ?? 'model_error'), kind, {
    values: { message },
    headers: headersToPass(answer),
    ...(param == null ? {} : { param }),
  });
}

function headersToPass({ headers }: ModelAnswer): Record<string, string> {
  const entries = Object.entries(headers).filter(([name]) => passedHeaders.test(name));
  return {
    ...budgetNotesOf({ headers }),
    ...Object.fromEntries(entries.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : []))),
  };
}

function parseJSON(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined; // a proxy's HTML page, say: the caller learns the status
  }
}
