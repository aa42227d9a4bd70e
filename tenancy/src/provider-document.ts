/**
 * One model provider as egress needs it. A ConfigMap `provider-<name>` in the system namespace, labelled
 * `cloister.dev/document=model-provider`. The credential itself stays in its Secret in the providers namespace.
 */
import { z } from 'zod';
import { modelName } from './models.ts';

/** Day of the list that a price is from; told with what it was charged for. */
const asOf = z.string().optional();

export const providerDocument = z.object({
  name: z.string(),
  type: z.enum(['Offline', 'OpenAI', 'OpenAICompatible', 'AzureOpenAI', 'Anthropic', 'Gemini', 'Bedrock']),
  /** Ends without a slash, for example https://api.openai.com/v1. Absent for Offline. */
  baseURL: z.url().optional(),
  /** Of Azure's older API, where each deployment has an address of its own. */
  apiVersion: z.string().optional(),
  /** Secret in the providers namespace. Absent where the provider asks for no key. */
  credentials: z.object({ secretName: z.string(), key: z.string() }).optional(),
  /** Whose key it is called with where that is not for the tenant to say: Required, none but a tenant's own. */
  ownKeys: z.enum(['Allowed', 'Required', 'Forbidden']).optional(),
  /** For one call with all its retries. */
  timeoutSeconds: z.int().positive(),
  /** Until a stream begins. */
  firstTokenSeconds: z.int().positive().optional(),
  /** Between two pieces of an answer. Absent in documents of the version before, as `retries` is. */
  idleSeconds: z.int().positive().optional(),
  retries: z.int().nonnegative().optional(),
  concurrentCallsPerReplica: z.int().positive().optional(),
  models: z.array(
    z.object({
      name: z.string(),
      contextWindow: z.int().positive(),
      maxOutputTokens: z.int().positive(),
      /** US dollars for a million tokens. */
      price: z.object({
        inputPerMillion: z.number().nonnegative(),
        /** Of the input, what the provider had in its cache, and what it wrote there. As other input where absent. */
        cachedInputPerMillion: z.number().nonnegative().optional(),
        cacheWritePerMillion: z.number().nonnegative().optional(),
        outputPerMillion: z.number().nonnegative(),
        asOf,
      }),
      /** Models of this or other providers, in full. Whether the tenant may use them is for its policy to say. */
      fallbacks: z.array(modelName).optional(),
    }),
  ),
  /** Models that turn texts into vectors. In a list of their own, which replicas of the version before pass over. */
  embeddingModels: z
    .array(
      z.object({
        name: z.string(),
        /** Tokens of the longest text. */
        contextWindow: z.int().positive(),
        price: z.object({ inputPerMillion: z.number().nonnegative(), asOf }),
      }),
    )
    .optional(),
});
export type ProviderDocument = z.infer<typeof providerDocument>;
