/**
 * The most that a call can be billed for, which is what must be reserved for it. The argument, part by part:
 *
 * Input. Tokenizers of language models make at most one token of a byte (byte-level BPE, or a vocabulary with byte fallback). The body in
 * JSON is at least as long as the texts in it, and its punctuation is longer than the marks that chat templates put around a message; a
 * template's own preamble is covered by a margin, and so are instructions that come with tools. Images, audio and files are not bounded by
 * their bytes, but no input is longer than the model's context window.
 * Output. The provider is told the maximum, for each of `n` choices. Hidden reasoning counts against it, with Gemini as well.
 * Price. Parameters that change the price of a token, or add things that are priced otherwise or stand elsewhere, are refused.
 */
import type { ProviderDocument } from '@cloister/tenancy';
import { priceOf } from '../budget/money.ts';
import { fail } from '../errors.ts';
import { isObject } from './chunk.ts';
import type { Bounds } from './operation.ts';
import { choicesOf, namedMaximum, type ChatRequest } from './request.ts';

export type Model = ProviderDocument['models'][number];

/** Tokens that a chat template may add on its own. The longest default prompts met in open models have about 60. */
const templateMargin = 512;

/** Tokens of the instructions that a provider adds to tools or a schema. A list of Anthropic's, by model, goes from 159 to 530. */
const toolsMargin = 1024;

/** Throws `parameter_too_large` or `parameter_not_priced`. `bytes` is the length of the body. */
export function worstCase(request: ChatRequest, bytes: number, modelName: string, model: Model): Bounds {
  refuseUnpriced(request, modelName);
  const named = namedMaximum(request);
  if (named !== undefined && named > model.maxOutputTokens) {
    const param = request.max_completion_tokens === named ? 'max_completion_tokens' : 'max_tokens';
    throw fail('parameter_too_large', { param, values: { param, value: named, model: modelName, limit: model.maxOutputTokens } });
  }
  return {
    inputTokens: holdsOnlyText(request)
      ? Math.min(bytes + templateMargin + marginOfTools(request), model.contextWindow)
      : model.contextWindow,
    outputTokens: (named ?? model.maxOutputTokens) * choicesOf(request),
    named: named !== undefined,
    price: priceOf(model.price),
    possible: {
      inputTokens: model.contextWindow,
      outputTokens: Math.max(model.contextWindow, model.maxOutputTokens) * choicesOf(request),
    },
  };
}

const marginOfTools = (request: ChatRequest): number =>
  isGiven(request['tools']) || isGiven(request['response_format']) ? toolsMargin : 0;

const plainTiers: readonly unknown[] = [undefined, null, 'auto', 'default', 'flex'];

function refuseUnpriced(request: ChatRequest, model: string): void {
  const { modalities, tools, extra_body: extra, google } = request;
  const found = [
    ['tools', Array.isArray(tools) && tools.some(isOfProvider)],
    ['extra_body', isGiven(extra) && !holdsThinkingOfGoogle(extra)],
    ['google', isGiven(google) && !holdsThinking(google)],
    ['amazon-bedrock-guardrailConfig', isGiven(request['amazon-bedrock-guardrailConfig'])], // guardrails have a price of their own
    ['service_tier', !plainTiers.includes(request['service_tier'])],
    ['modalities', Array.isArray(modalities) && modalities.some((modality) => modality !== 'text')],
    ['audio', isGiven(request['audio'])],
    ['web_search_options', isGiven(request['web_search_options'])],
    ['data_sources', isGiven(request['data_sources'])], // Azure adds what it finds there to the input
    ['prediction', isGiven(request['prediction'])], // rejected predictions are billed as output beyond the maximum
  ] as const;
  const param = found.find(([, given]) => given)?.[0];
  if (param !== undefined) throw fail('parameter_not_priced', { param, values: { param, model } });
}

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

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

function holdsOnlyText({ messages }: ChatRequest): boolean {
  return messages.every((message) => {
    if (typeof message !== 'object' || message === null || !('content' in message) || !Array.isArray(message.content)) return true;
    return message.content.every(isTextPart);
  });
}

const isTextPart = (part: unknown): boolean =>
  typeof part === 'object' && part !== null && 'type' in part && (part.type === 'text' || part.type === 'refusal');
