/** Turns a caller's chat completion request into the one that goes to the model. Pure. */
import type { AgentDocument } from '@cloister/tenancy';
import { z } from 'zod';
import { fail } from '../errors.ts';
import { jsonText } from '../model/json-text.ts';
import type { InForce } from './in-force.ts';
import { systemPrompt } from './instructions.ts';

const message = z.looseObject({ role: z.string().min(1), content: z.unknown().optional() });

/** Only what is looked at here; every other field passes through, so that new parameters of the API work the day a provider has them. */
export const completionBody = z.looseObject({
  model: z.string().nullish(),
  messages: z.array(message).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  max_tokens: z.int().positive().nullish(),
  max_completion_tokens: z.int().positive().nullish(),
});
export type CompletionBody = z.infer<typeof completionBody>;

/** Throws 400 where the request goes beyond what the AgentConfig allows. How long messages may be is for whoever takes them from a caller. */
export function completionRequest(body: CompletionBody, document: AgentDocument, rules: InForce, now: Date): Record<string, unknown> {
  checkTemperature(body, document.settings.temperature);
  const prompt = systemPrompt(document, rules.additionalInstructions, now);
  return {
    ...body,
    ...defaults(body, rules),
    ...outputLimit(body, rules.maxOutputTokens),
    // For edge, which limits tokens, whether or not the caller wants to know.
    ...(body.stream === true && { stream_options: { ...body.stream_options, include_usage: true } }),
    messages: prompt === undefined ? body.messages : [{ role: 'system', content: prompt }, ...body.messages],
  };
}

/** Of the user alone: what a model or a tool has said is nothing that a caller could make shorter. Throws as {@link checkMessageSize} does. */
export function checkUserMessages({ messages }: CompletionBody, limit: number): void {
  for (const [index, { role, content }] of messages.entries())
    if (role === 'user') checkMessageSize(`messages.${index}.content`, content, limit);
}

/** Size of text, or of content parts as JSON, in bytes. Throws 413 `message_too_large`, 400 `invalid_request` where they are nested too deeply. */
export function checkMessageSize(param: string, content: unknown, limit: number): void {
  if (content === undefined || content === null) return;
  const bytes = Buffer.byteLength(typeof content === 'string' ? content : jsonText(content, param));
  if (bytes > limit) throw fail('message_too_large', { param, values: { param, bytes, limit } });
}

function checkTemperature({ temperature }: CompletionBody, range: AgentDocument['settings']['temperature']): void {
  if (temperature == null || !range || (temperature >= range.min && temperature <= range.max)) return;
  const problem = `temperature is ${temperature}; it must be from ${range.min} to ${range.max}`;
  throw fail('invalid_request', { param: 'temperature', values: { problem } });
}

function defaults({ temperature, top_p }: CompletionBody, rules: InForce): Record<string, number> {
  return {
    ...(temperature == null && rules.temperature !== undefined ? { temperature: rules.temperature } : {}),
    ...(top_p == null && rules.topP !== undefined ? { top_p: rules.topP } : {}),
  };
}

/**
 * The ceiling cuts instead of refusing: clients send generous limits by habit, and an answer that was cut says so (`finish_reason: length`).
 * Whichever of the two names the caller used stays.
 */
function outputLimit({ max_tokens, max_completion_tokens }: CompletionBody, ceiling: number | undefined): Record<string, number> {
  if (ceiling === undefined) return {};
  const asked = {
    ...(max_tokens == null ? {} : { max_tokens: Math.min(max_tokens, ceiling) }),
    ...(max_completion_tokens == null ? {} : { max_completion_tokens: Math.min(max_completion_tokens, ceiling) }),
  };
  return Object.keys(asked).length > 0 ? asked : { max_completion_tokens: ceiling };
}
