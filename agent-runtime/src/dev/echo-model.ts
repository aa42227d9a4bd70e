/** A stand-in for a model: repeats the last user message. Deterministic, and honest about what it is. */
import { z } from 'zod';

export const chatRequest = z.looseObject({
  model: z.string(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.unknown().optional() })),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
});
export type ChatRequest = z.infer<typeof chatRequest>;

const common = { id: 'chatcmpl-echo', created: 1_700_000_000 } as const;

export function echoText({ messages }: ChatRequest): string {
  const last = messages.findLast(({ role }) => role === 'user')?.content;
  return `Echo: ${typeof last === 'string' ? last : JSON.stringify(last ?? null)}`;
}

export const echoCompletion = (request: ChatRequest): Record<string, unknown> => ({
  ...common,
  object: 'chat.completion',
  model: request.model,
  choices: [{ index: 0, message: { role: 'assistant', content: echoText(request) }, finish_reason: 'stop', logprobs: null }],
  usage: usageOf(request),
});

/** A chunk per word; the last one carries the usage where the request asks for it. */
export function echoChunks(request: ChatRequest): Record<string, unknown>[] {
  const chunk = (delta: object, finish_reason: string | null): Record<string, unknown> => ({
    ...common,
    object: 'chat.completion.chunk',
    model: request.model,
    choices: [{ index: 0, delta, finish_reason, logprobs: null }],
  });
  const words = echoText(request).split(/(?<= )/);
  const chunks = [chunk({ role: 'assistant', content: '' }, null), ...words.map((content) => chunk({ content }, null)), chunk({}, 'stop')];
  if (request.stream_options?.include_usage !== true) return chunks;
  return [...chunks, { ...chunk({}, null), choices: [], usage: usageOf(request) }];
}

function usageOf(request: ChatRequest): Record<string, number> {
  const prompt_tokens = countWords(JSON.stringify(request.messages));
  const completion_tokens = countWords(echoText(request));
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}

const countWords = (text: string): number => text.split(/\s+/).filter(Boolean).length;
