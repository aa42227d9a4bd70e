/**
 * One model provider as egress needs it. A ConfigMap `provider-<name>` in the system namespace, labelled
 * `cloister.dev/document=model-provider`. The credential itself stays in its Secret in the providers namespace.
 */
import { z } from 'zod';

export const providerDocument = z.object({
  name: z.string(),
  type: z.enum(['Offline', 'OpenAI', 'OpenAICompatible']),
  /** Ends without a slash, for example https://api.openai.com/v1. Absent for Offline. */
  baseURL: z.url().optional(),
  /** Secret in the providers namespace. Absent where the provider asks for no key. */
  credentials: z.object({ secretName: z.string(), key: z.string() }).optional(),
  timeoutSeconds: z.int().positive(),
  models: z.array(
    z.object({
      name: z.string(),
      contextWindow: z.int().positive(),
      maxOutputTokens: z.int().positive(),
      /** US dollars for a million tokens. */
      price: z.object({ inputPerMillion: z.number().nonnegative(), outputPerMillion: z.number().nonnegative() }),
    }),
  ),
});
export type ProviderDocument = z.infer<typeof providerDocument>;
