/** What the offline model looks at in a request. */
import { z } from 'zod';
import type { JsonObject } from '../provider.ts';

const text = z.union([
  z.string(),
  z.array(z.looseObject({ text: z.string().optional() })).transform((parts) => parts.map((part) => part.text ?? '').join(' ')),
]);
const message = z.looseObject({ role: z.string(), content: text.nullish().transform((content) => content ?? '') });
const request = z.looseObject({
  messages: z.array(message),
  tools: z.array(z.looseObject({ function: z.looseObject({ name: z.string() }).optional() })).default([]),
  max_tokens: z.number().nullish(),
  max_completion_tokens: z.number().nullish(),
  n: z.number().nullish(),
});

export interface Conversation {
  /** The system prompt. */
  readonly instructions: string;
  /** The user's last message. */
  readonly asked: string;
  /** Messages before that one, the system prompt aside. */
  readonly earlier: number;
  /** What a tool has answered, when that is what the conversation ends with. */
  readonly toolAnswer: string | undefined;
  readonly tools: readonly string[];
  readonly maxTokens: number;
  readonly choices: number;
  /** Words in all messages. */
  readonly words: number;
}

/** Undefined for what is no chat completion request. */
export function readConversation(body: JsonObject): Conversation | undefined {
  const { data } = request.safeParse(body);
  if (!data) return undefined;
  const spoken = data.messages.filter(({ role }) => role !== 'system' && role !== 'developer');
  const lastByUser = spoken.findLastIndex(({ role }) => role === 'user');
  const last = spoken.at(-1);
  return {
    instructions: data.messages.find(({ role }) => role === 'system' || role === 'developer')?.content ?? '',
    asked: spoken[lastByUser]?.content ?? '',
    earlier: Math.max(0, lastByUser),
    toolAnswer: last?.role === 'tool' ? last.content : undefined,
    tools: data.tools.flatMap((tool) => tool.function?.name ?? []),
    maxTokens: Math.min(data.max_tokens ?? Infinity, data.max_completion_tokens ?? Infinity),
    choices: data.n ?? 1,
    words: data.messages.reduce((sum, { content }) => sum + wordsOf(content).length, 0),
  };
}

export const wordsOf = (text: string): string[] => text.split(/\s+/).filter(Boolean);
