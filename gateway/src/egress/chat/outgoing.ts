import type { ProviderDocument } from '@cloister/tenancy';
import type { JsonObject } from '../providers/provider.ts';
import { choicesOf, wantsStream, type ChatRequest } from './request.ts';

/**
 * OpenAI's newer models refuse `max_tokens`, its older ones know nothing else, and either is refused where it is not known. Most compatible servers
 * know nothing else either, and ignore the newer name, which would leave the output without a bound (docs/decisions/0059).
 */
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
  const { max_tokens, max_completion_tokens, ...rest } = request;
  const named = maximumOf[type] === 'max_tokens' ? {} : { max_tokens, max_completion_tokens };
  const given = Object.entries(named).filter(([, value]) => typeof value === 'number');
  const names = given.length > 0 ? given.map(([name]) => name) : [maximumOf[type]];
  return {
    ...rest,
    ...tierOf(request, type),
    model,
    ...Object.fromEntries(names.map((name) => [name, perChoice])),
    ...(wantsStream(request) ? { stream_options: { ...request.stream_options, include_usage: true } } : {}),
  };
}

/**
 * The tier `auto`, and with OpenAI none as well, is whatever the project behind the key is set to, which may be one that costs more than the price
 * list says: `priority`.
 */
function tierOf({ service_tier: tier = null }: ChatRequest, type: ProviderDocument['type']): JsonObject {
  const isOpen = tier === 'auto' || (tier === null && type === 'OpenAI');
  return isOpen && haveDefault.has(type) ? { service_tier: 'default' } : {};
}

/** Others have other tiers, or none. */
const haveDefault: ReadonlySet<ProviderDocument['type']> = new Set(['OpenAI', 'AzureOpenAI']);
