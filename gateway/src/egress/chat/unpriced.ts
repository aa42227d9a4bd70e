/**
 * Fields of a request that no reservation could bound: what they add has a price of its own, stands in neither the body nor the maximum, or comes
 * from another model than the one whose prices are known. They are those of OpenAI's own protocol, and those that compatible servers are known to
 * add to it. Fields that only steer how a model samples are none of them. Nor is what is not known: new parameters work the day a provider has
 * them (docs/decisions/0059).
 */
import { fail } from '../errors.ts';
import { isObject } from './chunk.ts';
import type { ChatRequest } from './request.ts';

/** Whatever is in them, unless they say that they are off, or hold an empty list. An empty object can switch on. */
const refused: ReadonlySet<string> = new Set([
  // what has a price of its own: sound, searches, what is found there and becomes input, models that read along
  ...['audio', 'web_search_options', 'search_parameters', 'enable_search', 'search_tool_name'],
  ...['data_sources', 'vector_store_ids', 'knowledge_bases'],
  ...['amazon-bedrock-guardrailConfig', 'guardrails', 'safety_model'],
  // another model: OpenRouter, Vercel's gateway
  ...['models', 'route', 'preset', 'provider', 'plugins', 'transforms', 'providerOptions'],
  // another model, another account, or more attempts than one: LiteLLM, which has texts in store as well that may name their model
  ...['fallbacks', 'default_fallbacks', 'context_window_fallbacks', 'content_policy_fallbacks', 'context_window_fallback_dict'],
  ...['model_list', 'user_config', 'specific_deployment', 'deployment_id', 'custom_llm_provider', 'tags', 'fastest_response'],
  ...['api_base', 'base_url', 'api_key', 'headers', 'extra_headers', 'provider_specific_header'],
  ...['num_retries', 'max_retries', 'retry_policy', 'model_group_retry_policy'],
  ...['prompt_id', 'prompt_variables', 'prompt_version', 'prompt_label'],
  // more output than the maximum: rejected predictions, answers that nobody gets, the maximum taken out (LiteLLM)
  ...['prediction', 'best_of', 'use_beam_search', 'additional_drop_params'],
  // more input than the body: a program that can repeat what is in it
  'chat_template',
]);

/** Whatever is in them: other names of the maximum (llama.cpp heeds its own first), of which nobody knows what number `false` is to a server. */
const maxima: ReadonlySet<string> = new Set(['n_predict', 'n_cmpl', 'num_predict', 'max_new_tokens', 'max_output_tokens']);

/** Of LiteLLM: what it is to play, and how it is to go about it. */
const refusedBeginnings = ['mock_', 'litellm_'];

const plainTiers: readonly unknown[] = ['auto', 'default', 'flex'];

/** Those whose content decides. */
const priced: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['tools', (tools: unknown) => Array.isArray(tools) && tools.some(isOfProvider)],
  ['extra_body', (extra: unknown) => !holdsThinkingOfGoogle(extra)],
  ['google', (google: unknown) => !holdsThinking(google)],
  ['service_tier', (tier: unknown) => !plainTiers.includes(tier)],
  ['modalities', (modalities: unknown) => Array.isArray(modalities) && modalities.some((modality) => modality !== 'text')],
]);

/** The longest name that is repeated in an error. */
const longestName = 64;

/** Throws `parameter_not_priced`. */
export function refuseUnpriced(request: ChatRequest, model: string): void {
  const found = Object.entries(request).find(([name, value]) => value !== undefined && value !== null && isUnpriced(name, value));
  const param = found?.[0].slice(0, longestName);
  if (param !== undefined) throw fail('parameter_not_priced', { param, values: { param, model } });
}

const isUnpriced = (name: string, value: unknown): boolean =>
  (refused.has(name) && !isOff(value)) ||
  maxima.has(name) ||
  refusedBeginnings.some((beginning) => name.startsWith(beginning)) ||
  priced.get(name)?.(value) === true;

const isOff = (value: unknown): boolean => value === false || (Array.isArray(value) && value.length === 0);

/** Functions are run by whoever asked for them, also where their type is left out; other tools by the provider, who charges for that. */
function isOfProvider(tool: unknown): boolean {
  if (!isObject(tool)) return true;
  const { type = 'function' in tool ? 'function' : undefined } = tool;
  return type !== 'function' && type !== 'custom';
}

/** Google's own parameters. Of these, thinking counts against the maximum; a cache would be input that is not in the body. */
const holdsThinking = (value: unknown): boolean => holdsOnly(value, 'thinking_config', () => true);
const holdsThinkingOfGoogle = (value: unknown): boolean => holdsOnly(value, 'google', holdsThinking);

const holdsOnly = (value: unknown, name: string, fits: (inner: unknown) => boolean): boolean =>
  isObject(value) && Object.entries(value).every(([key, inner]) => key === name && fits(inner));
