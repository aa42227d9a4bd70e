import type { ProviderDocument } from '@cloister/tenancy';
import type { JsonObject } from '../providers/provider.ts';
import { choicesOf, wantsStream, type ChatRequest } from './request.ts';

/** OpenAI's newer models refuse `max_tokens`; most compatible servers know nothing else. */
const maximumOf = {
  OpenAI: 'max_completion_tokens',
  OpenAICompatible: 'max_tokens',
  AzureOpenAI: 'max_completion_tokens',
  Anthropic: 'max_tokens',
  Gemini: 'max_tokens',
  Bedrock: 'max_completion_tokens',
  Offline: 'max_tokens',
} as const;

/** The body for the provider: its own name of the model, the output that was reserved as the maximum, usage at the end of streams. */
export function outgoing(request: ChatRequest, type: ProviderDocument['type'], model: string, reservedOutput: number): JsonObject {
  const perChoice = Math.max(1, Math.floor(reservedOutput / choicesOf(request)));
  const given = (['max_tokens', 'max_completion_tokens'] as const).filter((name) => typeof request[name] === 'number');
  const names = given.length > 0 ? given : [maximumOf[type]];
  return {
    ...request,
    model,
    ...Object.fromEntries(names.map((name) => [name, perChoice])),
    ...(wantsStream(request) ? { stream_options: { ...request.stream_options, include_usage: true } } : {}),
  };
}
