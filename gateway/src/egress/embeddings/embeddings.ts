/** One request of an agent for embeddings: texts become vectors, by which they can be found again. */
import type { ProviderDocument } from '@cloister/tenancy';
import { readBody } from '../../server/read-body.ts';
import { priceOf } from '../budget/money.ts';
import { askModels, type AskParts, type ModelCall } from '../chat/ask-models.ts';
import type { Course, Operation } from '../chat/operation.ts';
import { sayWhole } from '../chat/pass-on.ts';
import { BrokenAnswer } from '../providers/provider.ts';
import { mostInput, parseEmbeddingsRequest, type EmbeddingsRequest } from './request.ts';
import { inputTokensIn, looksLikeObject } from './usage.ts';

type Model = NonNullable<ProviderDocument['embeddingModels']>[number];

export async function embeddings(call: ModelCall, parts: AskParts): Promise<void> {
  const body = await readBody(call.request, parts.maxBodyBytes);
  await askModels(call, embeddingsOperation(parseEmbeddingsRequest(body)), parts);
}

const embeddingsOperation = (asked: EmbeddingsRequest): Operation<Model> => ({
  name: 'embeddings',
  model: asked.model,
  stream: false,
  offers: ({ embeddingModels = [] }) => embeddingModels,
  fallbacks: () => [], // vectors of two models cannot be compared
  worst: (_, { contextWindow, price }) => ({
    inputTokens: mostInput(asked, contextWindow),
    outputTokens: 0,
    named: true,
    price: priceOf({ ...price, outputPerMillion: 0 }),
  }),
  begin: ({ inputTokens }) => courseOf(asked, inputTokens),
});

/** The answer goes on as it came; only its usage is read. Where that is missing, all that was reserved is billed, which is little. */
function courseOf(asked: EmbeddingsRequest, reserved: number): Course {
  let told: number | undefined;
  const usedOf = (inputTokens: number) => ({ inputTokens, outputTokens: 0 });
  return {
    run: async ({ provider, target, response, requestId, time: { signal } }) => {
      const { provider: document, model, credential } = target;
      const body = { ...asked, input: asked.input.given, model: model.name };
      const answer = await provider.embed({ provider: document, credential, body, stream: false, requestId, signal });
      if (answer.kind !== 'whole' || !looksLikeObject(answer.text)) throw new BrokenAnswer('its answer is no JSON');
      told = inputTokensIn(answer.text);
      sayWhole(response, answer.text);
      return 'complete';
    },
    get reported() {
      return told === undefined ? undefined : usedOf(told);
    },
    used: () => Promise.resolve(usedOf(told ?? reserved)),
  };
}
