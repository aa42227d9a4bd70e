/** What Anthropic's answers, whole or in pieces, have in common, in OpenAI's words. */
import { z } from 'zod';
import { parseExactly } from './exact-json.ts';

/** What is no count says nothing. */
const tokens = z.number().int().nonnegative().nullish().catch(undefined);
export const usage = z.object({
  input_tokens: tokens,
  cache_creation_input_tokens: tokens,
  cache_read_input_tokens: tokens,
  output_tokens: tokens,
});
export type Usage = z.infer<typeof usage>;

/**
 * Anthropic counts input that was read from or written to its cache apart from the rest; OpenAI counts it all, and says how much was read and written.
 * Undefined where it has not said how much went in or came out.
 */
export function usageOf(said: Usage): object | undefined {
  if (typeof said.input_tokens !== 'number' || typeof said.output_tokens !== 'number') return undefined;
  const cached = said.cache_read_input_tokens ?? 0;
  const written = said.cache_creation_input_tokens ?? 0;
  const prompt_tokens = said.input_tokens + cached + written;
  const completion_tokens = said.output_tokens;
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    prompt_tokens_details: { cached_tokens: cached, cache_write_tokens: written },
  };
}

const reasons: Readonly<Record<string, string>> = {
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};

/** Why the model stopped. Reasons that are not known are ends like any other. */
export const finishOf = (stopReason: string | null | undefined): string => reasons[stopReason ?? ''] ?? 'stop';

const block = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  id: z.string().optional(),
  name: z.string().optional(),
  input: z.unknown().optional(),
});
const answer = z.object({
  id: z.string(),
  model: z.string(),
  content: z.array(block),
  stop_reason: z.string().nullish(),
  usage: usage.optional().catch(undefined),
});

/** JSON text of a chat completion; undefined where what came is no message. */
export function completionOf(text: string, now: Date = new Date()): string | undefined {
  const data = parseMessage(text);
  if (!data) return undefined;
  const said = data.content.flatMap(({ type, text: part }) => (type === 'text' && part !== undefined ? [part] : []));
  const calls = data.content.filter(({ type }) => type === 'tool_use');
  const tool_calls = calls.map(({ id, name, input }) => ({
    id,
    type: 'function',
    function: { name, arguments: JSON.stringify(input ?? {}) },
  }));
  return JSON.stringify({
    id: data.id,
    object: 'chat.completion',
    created: Math.floor(now.getTime() / 1000),
    model: data.model,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: said.length > 0 ? said.join('') : null,
          refusal: null,
          ...(tool_calls.length > 0 ? { tool_calls } : {}),
        },
        logprobs: null,
        finish_reason: finishOf(data.stop_reason),
      },
    ],
    usage: usageOf(data.usage ?? {}),
  });
}

function parseMessage(text: string): z.infer<typeof answer> | undefined {
  try {
    return answer.safeParse(parseExactly(text)).data;
  } catch {
    return undefined;
  }
}
