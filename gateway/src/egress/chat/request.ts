/** A chat completion request as far as egress has to understand it. Everything else in it passes through untouched. */
import { z } from 'zod';
import { parseBody } from './parse-body.ts';

const count = z.int().positive().nullish();
const schema = z.looseObject({
  model: z.string(),
  messages: z.array(z.unknown()).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: count,
  max_completion_tokens: count,
  n: z.int().min(1).max(128).nullish(),
});
export type ChatRequest = z.infer<typeof schema>;

/** Throws `invalid_json` or `invalid_request`, which names the field. */
export const parseChatRequest = (body: Buffer): ChatRequest => parseBody(body, schema);

/** The most output that the caller wants for one choice; undefined when it named none. */
export function namedMaximum({ max_tokens, max_completion_tokens }: ChatRequest): number | undefined {
  const least = Math.min(max_tokens ?? Infinity, max_completion_tokens ?? Infinity);
  return Number.isFinite(least) ? least : undefined;
}

export const choicesOf = ({ n }: ChatRequest): number => n ?? 1;
export const wantsStream = ({ stream }: ChatRequest): boolean => stream === true;
export const wantsUsage = ({ stream_options }: ChatRequest): boolean => stream_options?.include_usage === true;
