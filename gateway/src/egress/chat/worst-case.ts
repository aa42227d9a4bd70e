/**
 * The most that a call can be billed for, which is what must be reserved for it. The argument, part by part:
 *
 * Input. Tokenizers of language models make at most one token of a byte (byte-level BPE, or a vocabulary with byte fallback). The body in
 * JSON is at least as long as the texts in it, and its punctuation is longer than the marks that chat templates put around a message; a
 * template's own preamble is covered by a margin, and so are instructions that come with tools. Images, audio and files are not bounded by
 * their bytes, but no input is longer than the model's context window.
 * Output. The provider is told the maximum, for each of `n` choices. Hidden reasoning counts against it, with Gemini as well.
 * Price. Parameters that change the price of a token or the model, or add things that are priced otherwise or stand elsewhere, are refused
 * (unpriced.ts). What of the input a provider has in its cache or writes there is not for us to know before: all of it is reserved at the dearest of
 * the prices of input.
 */
import type { ProviderDocument } from '@cloister/tenancy';
import { priceOf } from '../budget/money.ts';
import { fail } from '../errors.ts';
import type { Bounds } from './operation.ts';
import { choicesOf, namedMaximum, type ChatRequest } from './request.ts';
import { refuseUnpriced } from './unpriced.ts';

export type Model = ProviderDocument['models'][number];

/** Tokens that a chat template may add on its own. The longest default prompts met in open models have about 60. */
const templateMargin = 512;

/** Tokens of the instructions that a provider adds to tools or a schema. A list of Anthropic's, by model, goes from 159 to 530. */
const toolsMargin = 1024;

/** Throws `parameter_too_large` or `parameter_not_priced`. `bytes` is the length of the body that goes out. */
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

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

function holdsOnlyText({ messages }: ChatRequest): boolean {
  return messages.every((message) => {
    if (typeof message !== 'object' || message === null || !('content' in message) || !Array.isArray(message.content)) return true;
    return message.content.every(isTextPart);
  });
}

const isTextPart = (part: unknown): boolean =>
  typeof part === 'object' && part !== null && 'type' in part && (part.type === 'text' || part.type === 'refusal');
