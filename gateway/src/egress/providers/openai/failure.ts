/** What an error says, in the shapes in which providers that speak OpenAI's protocol word it. Pure. */
import type { Dispatcher } from 'undici';
import { z } from 'zod';
import { ProviderFailure } from '../provider.ts';

export type Headers = Dispatcher.ResponseData['headers'];

/** What is no text is left out, whatever is in it. */
const param = z.string().nullish().catch(undefined);
const words = z.looseObject({ message: z.string().optional(), param, code: z.unknown().optional() });
export type ErrorWords = z.infer<typeof words>;

/** OpenAI's own shape; that shape within a list, as Google has it; the message alone, as AWS and older servers have it, or in the place of the error, as xAI has it. */
const inOpenAIsShape = z.looseObject({ error: words }).transform(({ error }): ErrorWords => error);
const errorBody = z.union([
  inOpenAIsShape,
  z
    .array(inOpenAIsShape)
    .min(1)
    .transform(([error = {}]): ErrorWords => error),
  z.looseObject({ error: z.string(), param }).transform(({ error, ...rest }): ErrorWords => ({ ...rest, message: error })),
  z
    .looseObject({ message: z.string().optional(), Message: z.string().optional(), param })
    .transform(({ message, Message = '', ...rest }): ErrorWords => ({ ...rest, message: message ?? Message })),
]);

/** Empty for an error page in HTML, for example; the status says enough. */
export function errorIn(body: string): ErrorWords {
  try {
    return errorBody.safeParse(JSON.parse(body)).data ?? {};
  } catch {
    return {};
  }
}

/** Some servers, those of AWS among them, quote a header that they could not make sense of. Such words go nowhere. */
export const withoutKey = (error: ErrorWords, key: string | undefined): ErrorWords =>
  key !== undefined && `${error.message} ${error.param}`.includes(key) ? { ...error, message: '', param: undefined } : error;

const longestProblem = 500;

/** Of an answer with this status. */
export const failureFrom = (status: number, { message = '', param }: ErrorWords, headers: Headers): ProviderFailure =>
  new ProviderFailure(status, {
    problem: message.slice(0, longestProblem),
    param: param ?? undefined,
    retryAfterSeconds: waitOf(headers),
  });

/** In milliseconds where the provider says so, as Azure does: waits are often shorter than a second. */
function waitOf(headers: Headers): number | undefined {
  const milliseconds = secondsOf(headers['retry-after-ms']);
  return milliseconds === undefined ? secondsOf(headers['retry-after']) : milliseconds / 1000;
}

function secondsOf(header: string | string[] | undefined): number | undefined {
  if (typeof header !== 'string') return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - Date.now()) / 1000);
}
