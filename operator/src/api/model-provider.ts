/** ModelProvider: somebody who answers model requests, what its models cost, and which tenants may use it. */
import { z } from 'zod';
import { conditions, observedGeneration } from './conditions.ts';
import { baseURL, listMap, listSet, model as modelName, objectName, rules, secretRef, worded } from './fields.ts';

const dollars = () => z.number().min(0).max(1e6);

const price = z.object({
  inputPerMillion: dollars().describe('US dollars for a million input tokens.'),
  cachedInputPerMillion: dollars()
    .describe('US dollars for a million input tokens that the provider had in its cache, where it says so. As other input when not set.')
    .optional(),
  cacheWritePerMillion: dollars()
    .describe(
      'US dollars for a million input tokens that the provider wrote to its cache, where that costs more than other input; the highest, if there are several. Budgets reserve at this price, and what a provider does not report is charged at it. As other input when not set.',
    )
    .optional(),
  outputPerMillion: dollars().describe('US dollars for a million output tokens.'),
  asOf: z.iso
    .date()
    .describe(
      'Day of the price list that these are from, such as 2026-03-31. It changes nothing; records of the audit say by which list a call was charged, in its last attempt if it took several.',
    )
    .optional(),
});

/** That zero stands for "no surcharge" in some lists would make what is written to a cache free. */
const priceOfChat = price.meta(
  rules(
    {
      rule: '!has(self.cachedInputPerMillion) || self.cachedInputPerMillion <= self.inputPerMillion',
      message: 'cachedInputPerMillion is above inputPerMillion; leave it out where input from the cache costs as much as other input',
    },
    {
      rule: '!has(self.cacheWritePerMillion) || self.cacheWritePerMillion >= self.inputPerMillion',
      message: 'cacheWritePerMillion is below inputPerMillion; leave it out where writing to the cache costs nothing beside the input',
    },
  ),
);

const nameOfModel = (example: string) =>
  worded(/^[A-Za-z0-9][-A-Za-z0-9._:/]*$/, 128, `expected the name that the provider uses, for example ${example}`);

const model = z
  .object({
    name: nameOfModel('gpt-5-mini').describe('What the provider calls it. Agents name it <provider>/<model>.'),
    contextWindow: z.int().min(1).max(1e8).describe('Tokens that fit into one request, its answer included.'),
    maxOutputTokens: z
      .int()
      .min(1)
      .max(1e8)
      .describe('Longest answer, in tokens. Budgets reserve this much where a request sets no limit.'),
    price: priceOfChat.describe('What a call is charged to the budget.'),
    fallbacks: z
      .array(modelName())
      .max(8)
      .meta(listSet)
      .describe(
        'Models that answer in its place, in this order, where its provider cannot and nothing has been sent to the caller. Those that the tenant may not use are passed over.',
      )
      .optional(),
  })
  .meta(
    rules({
      rule: 'self.maxOutputTokens <= self.contextWindow',
      message: 'maxOutputTokens is above contextWindow; an answer cannot be longer than the window',
    }),
  );

const embeddingModel = z.object({
  name: nameOfModel('text-embedding-3-small').describe('What the provider calls it. Agents name it <provider>/<model>.'),
  contextWindow: z.int().min(1).max(1e8).describe('Tokens of the longest text that it takes. A request may hold many texts.'),
  price: price.pick({ inputPerMillion: true, asOf: true }).describe('What a call is charged to the budget.'),
});

export const modelProviderSpec = z
  .object({
    type: z
      .enum(['Offline', 'OpenAI', 'OpenAICompatible', 'AzureOpenAI', 'Anthropic', 'Gemini', 'Bedrock'])
      .describe(
        'Offline: a deterministic model inside Cloister, for first steps and tests. OpenAICompatible: any server with /chat/completions. AzureOpenAI: deployments of an Azure OpenAI resource, each as a model. Anthropic: the Messages API, put into the words of chat completions. Gemini, Bedrock: the endpoints that Google and Amazon have for clients of OpenAI.',
      ),
    baseURL: baseURL()
      .describe(
        'Where the API is. https://api.openai.com/v1 for type OpenAI, https://api.anthropic.com/v1 for type Anthropic, https://generativelanguage.googleapis.com/v1beta/openai for type Gemini when not set. For type AzureOpenAI https://NAME.openai.azure.com/openai/v1, or with apiVersion https://NAME.openai.azure.com/openai; for type Bedrock https://bedrock-runtime.REGION.amazonaws.com/openai/v1 or https://bedrock-mantle.REGION.api.aws/v1.',
      )
      .optional(),
    apiVersion: worded(/^20[0-9][0-9]-[01][0-9]-[0-3][0-9](-preview)?$/, 18, 'expected a date, and -preview perhaps: 2024-10-21')
      .describe("Version of Azure's older API, by deployments. Azure's v1 API, which has no versions, when not set.")
      .optional(),
    credentials: z
      .object({ secretRef: secretRef("in the namespace for providers' credentials (cloister-providers)").describe('Where the key is.') })
      .describe('The key that egress sends: as bearer token, to Anthropic as x-api-key, to Azure as api-key. It never reaches a tenant.')
      .optional(),
    ownKeys: z
      .enum(['Allowed', 'Required', 'Forbidden'])
      .describe(
        'Whether tenants may be called for with a key of their own (spec.providerKeys of the Tenant) instead of that of credentials. Required: models are on offer to tenants that name one alone.',
      )
      .default('Allowed'),
    timeoutSeconds: z.int().min(1).max(3600).describe('How long one call may take, its retries included.').default(120),
    firstTokenSeconds: z
      .int()
      .min(1)
      .max(3600)
      .describe('How long a stream may take to begin. Until timeoutSeconds when not set.')
      .optional(),
    idleSeconds: z.int().min(1).max(3600).describe('How long an answer that has begun may be silent.').default(60),
    retries: z
      .int()
      .min(0)
      .max(5)
      .describe(
        'How often a call is sent again when it failed in a way that may pass (no connection, 408, 429, 5xx, no first token in time), as long as nothing was sent to the caller.',
      )
      .default(2),
    concurrentCallsPerReplica: z
      .int()
      .min(1)
      .max(100_000)
      .describe('How many calls each replica of egress has in progress with this provider at most. No limit when not set.')
      .optional(),
    models: z
      .array(model)
      .max(256)
      .meta(listMap('name'))
      .describe('Models on offer for chat completions. Others cannot be called.')
      .default([]),
    embeddingModels: z
      .array(embeddingModel)
      .min(1)
      .max(64)
      .meta(listMap('name'))
      .describe('Models on offer for embeddings. Nothing answers in their place: vectors of two models cannot be compared.')
      .optional(),
    tenants: z
      .object({
        names: z.array(objectName()).max(256).meta(listSet).describe('Tenants by name.').default([]),
        classes: z.array(objectName()).max(64).meta(listSet).describe('All tenants of these TenantClasses.').default([]),
      })
      .describe('Who may use this provider. Everybody when not set.')
      .optional(),
  })
  .meta(
    rules(
      { rule: "self.type != 'OpenAICompatible' || has(self.baseURL)", message: 'type OpenAICompatible needs baseURL' },
      {
        rule: '!has(self.firstTokenSeconds) || self.firstTokenSeconds <= self.timeoutSeconds',
        message: 'firstTokenSeconds is above timeoutSeconds, at which the call ends anyway; lower it',
      },
      { rule: "self.type != 'AzureOpenAI' || has(self.baseURL)", message: 'type AzureOpenAI needs baseURL' },
      {
        rule: "self.type != 'AzureOpenAI' || has(self.credentials) || self.ownKeys == 'Required'",
        message: 'type AzureOpenAI needs credentials.secretRef',
      },
      {
        rule: "!has(self.apiVersion) || self.type == 'AzureOpenAI'",
        message: 'apiVersion is there for type AzureOpenAI alone; remove it, or change the type',
      },
      {
        rule: "!has(self.apiVersion) || self.apiVersion >= '2024-09-01'",
        message: 'apiVersion is before 2024-09-01-preview, the first whose streams tell their usage; use a newer one, or the v1 API',
      },
      {
        rule: "self.type != 'AzureOpenAI' || !has(self.baseURL) || has(self.apiVersion) != self.baseURL.endsWith('/v1')",
        message:
          "baseURL does not fit apiVersion: Azure's v1 API ends with /openai/v1 and has no apiVersion; the older one has an apiVersion and ends with /openai",
      },
      {
        rule: "self.type != 'OpenAI' || has(self.credentials) || self.ownKeys == 'Required'",
        message: 'type OpenAI needs credentials.secretRef',
      },
      {
        rule: "self.type != 'Anthropic' || has(self.credentials) || self.ownKeys == 'Required'",
        message: 'type Anthropic needs credentials.secretRef',
      },
      {
        rule: "self.type != 'Gemini' || has(self.credentials) || self.ownKeys == 'Required'",
        message: 'type Gemini needs credentials.secretRef',
      },
      {
        rule: "self.type != 'Bedrock' || has(self.credentials) || self.ownKeys == 'Required'",
        message: 'type Bedrock needs credentials.secretRef, with an API key of Bedrock',
      },
      {
        rule: "self.type != 'Bedrock' || has(self.baseURL)",
        message: 'type Bedrock needs baseURL, since each region has its own: https://bedrock-runtime.REGION.amazonaws.com/openai/v1',
      },
      {
        rule: "self.type != 'Offline' || !(has(self.baseURL) || has(self.credentials))",
        message: 'type Offline calls nobody; remove baseURL and credentials',
      },
      {
        rule: "self.type != 'Offline' || self.ownKeys == 'Allowed'",
        message: 'type Offline calls nobody, so no key is of use to it; remove ownKeys',
      },
      {
        rule: 'size(self.models) > 0 || has(self.embeddingModels)',
        message: 'nothing is on offer; name a model in models or in embeddingModels',
      },
      {
        rule: "self.type != 'Anthropic' || !has(self.embeddingModels)",
        message: 'type Anthropic has no embeddings; remove embeddingModels, or offer them by a ModelProvider of another type',
      },
      {
        rule: "self.type != 'Bedrock' || !has(self.embeddingModels)",
        message:
          'type Bedrock has no embeddings by its endpoints for OpenAI; remove embeddingModels, or offer them by a ModelProvider of another type',
      },
    ),
  );
export type ModelProviderSpec = z.infer<typeof modelProviderSpec>;

export const modelProviderStatus = z.object({
  observedGeneration,
  models: z.int().min(0).describe('How many models are on offer.').optional(),
  conditions,
});
export type ModelProviderStatus = z.infer<typeof modelProviderStatus>;
