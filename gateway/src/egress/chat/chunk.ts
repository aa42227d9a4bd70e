/** What egress reads of a provider's answers: usage, and the text that was produced. Both whole answers and chunks of streams. */
import { z } from 'zod';
import type { Reported } from '../budget/used.ts';

export interface Chunk {
  readonly used: Reported | undefined;
  /** It is a piece of an answer that goes on: its usage, if any, is what was used so far. */
  readonly partial: boolean;
  /** All output in it: content, refusals, reasoning, arguments of tool calls. */
  readonly text: string;
  /** Holds usage and nothing else: the chunk that `stream_options.include_usage` adds. */
  readonly onlyUsage: boolean;
  readonly finished: boolean;
  /** Those of which it tells, by their index, and whether they end here. */
  readonly choices: readonly { readonly index: number; readonly ended: boolean }[];
  /** Why choices have ended that end here. */
  readonly reasons: readonly string[];
  /** Names of the tools that are called; in a stream, a call's name comes with its first piece. */
  readonly calls: readonly string[];
  /** The provider reports a failure. */
  readonly failed: boolean;
  /** It has choices, as completions and their chunks do, though there may be none in them. */
  readonly isCompletion: boolean;
}

const tokens = z.number().int().nonnegative();
/** What cannot be read of it is as if it were not said. */
const part = tokens.optional().catch(undefined);
const usage = z
  .looseObject({
    prompt_tokens: tokens,
    completion_tokens: tokens.optional(),
    total_tokens: part,
    prompt_tokens_details: z
      .object({ cached_tokens: part, cache_write_tokens: part, cache_creation_input_tokens: part })
      .optional()
      .catch(undefined),
    completion_tokens_details: z.object({ reasoning_tokens: part }).optional().catch(undefined),
    cache_creation_input_tokens: part,
  })
  .refine(({ completion_tokens, total_tokens }) => (completion_tokens ?? total_tokens) !== undefined) // else it tells of input alone
  .refine((said) => said.prompt_tokens > 0 || (said.completion_tokens ?? 0) > 0 || (said.total_tokens ?? 0) > 0) // of servers that do not count
  // whatever is in the total beside the input is billed as output: Gemini has its reasoning there and nowhere else
  .transform(({ prompt_tokens, completion_tokens, total_tokens = 0, ...told }): Reported => {
    const outputTokens = Math.max(completion_tokens ?? 0, total_tokens - prompt_tokens);
    const beside = outputTokens - (completion_tokens ?? outputTokens);
    const { cached_tokens, cache_write_tokens, cache_creation_input_tokens } = told.prompt_tokens_details ?? {};
    return {
      inputTokens: prompt_tokens,
      outputTokens,
      cachedTokens: cached_tokens,
      // by OpenAI and OpenRouter, by Alibaba, by LiteLLM; all of them count it in the input as well
      cacheWriteTokens: cache_write_tokens ?? cache_creation_input_tokens ?? told.cache_creation_input_tokens,
      reasoningTokens: told.completion_tokens_details?.reasoning_tokens ?? (beside > 0 ? beside : undefined),
    };
  });

/** Undefined for what is no JSON object. */
export function readChunk(data: string): Chunk | undefined {
  const chunk = parseObject(data);
  if (!chunk) return undefined;
  const { choices } = chunk;
  const isCompletion = Array.isArray(choices);
  const list: readonly unknown[] = isCompletion ? choices : [];
  const used = isObject(chunk['usage']) ? usage.safeParse(chunk['usage']).data : undefined;
  const told: Chunk['choices'][number][] = [];
  const reasons: string[] = [];
  const calls: string[] = [];
  let text = '';
  let isPiece = false;
  for (const choice of list) {
    if (!isObject(choice)) continue;
    const { index, delta, message, finish_reason: reason } = choice;
    told.push({ index: typeof index === 'number' ? index : 0, ended: isReason(reason) });
    if (isReason(reason)) reasons.push(reason);
    isPiece ||= isObject(delta);
    const output = delta ?? message;
    text += textIn(output);
    noteCalls(output, calls);
  }
  const finished = reasons.length > 0;
  return {
    used,
    partial: !finished && isPiece,
    text,
    onlyUsage: used !== undefined && list.length === 0,
    finished,
    choices: told,
    reasons,
    calls,
    failed: isError(chunk['error']),
    isCompletion,
  };
}

/** An empty one is none, as it is null for others. */
const isReason = (reason: unknown): reason is string => typeof reason === 'string' && reason !== '';

/** Some servers tell of it in a word. */
const isError = (error: unknown): boolean => isObject(error) || (typeof error === 'string' && error !== '');

/** By the present field and by the one before it. */
function noteCalls(said: unknown, names: string[]): void {
  if (!isObject(said)) return;
  const { tool_calls: calls, function_call: before } = said;
  noteName(before, names);
  if (!Array.isArray(calls)) return;
  for (const call of calls) if (isObject(call)) noteName(call['function'] ?? call['custom'], names);
}

function noteName(called: unknown, names: string[]): void {
  if (isObject(called) && typeof called['name'] === 'string' && called['name'] !== '') names.push(called['name']);
}

/** Texts that are not output of the model. */
const notOutput = new Set(['role', 'id', 'type', 'object']);

/** In order, however deep it is nested. */
const textIn = (value: unknown): string => flatTextIn(value) ?? deepTextIn(value);

/** Undefined where something is nested: most pieces of a stream are a word of content. */
function flatTextIn(value: unknown): string | undefined {
  if (!isObject(value)) return undefined;
  let text = '';
  for (const name of Object.keys(value)) {
    const part = value[name];
    if (typeof part === 'object' && part !== null) return undefined;
    if (typeof part === 'string' && !notOutput.has(name)) text += part;
  }
  return text;
}

function deepTextIn(value: unknown): string {
  const left = [value];
  let text = '';
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next === 'string') text += next;
    else if (Array.isArray(next)) for (let at = next.length - 1; at >= 0; at--) left.push(next[at]);
    else if (isObject(next)) for (const name of Object.keys(next).reverse()) if (!notOutput.has(name)) left.push(next[name]);
  }
  return text;
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
