import fc from 'fast-check';
import { record, some, upTo, type Spec, type Wishes } from './wish.ts';

const price = record({
  inputPerMillion: upTo(9),
  cachedInputPerMillion: some(fc.constantFrom(0, 0.5)),
  cacheWritePerMillion: some(fc.constantFrom(9, 11.25)),
  outputPerMillion: upTo(9),
  asOf: some(fc.constantFrom('2026-01-01', '2026-03-31')),
});
const model = (name: string) =>
  record({
    name: fc.constant(name),
    contextWindow: upTo(9000, 1000),
    maxOutputTokens: upTo(1000, 100),
    price,
    fallbacks: some(fc.constant([name === 'echo' ? 'offline/other' : 'offline/echo'])),
  });
const embeddingModel = record({
  name: fc.constant('vectors'),
  contextWindow: upTo(9000),
  price: record({ inputPerMillion: upTo(9), asOf: some(fc.constant('2026-01-01')) }),
});

const credentials = { secretRef: { name: 'upstream', key: 'key' } };
const kindOfProvider = fc.constantFrom<Spec>(
  { type: 'Offline' },
  { type: 'OpenAICompatible', baseURL: 'https://models.example/v1' },
  { type: 'OpenAI', credentials, ownKeys: 'Forbidden' },
  { type: 'AzureOpenAI', baseURL: 'https://acme.openai.azure.com/openai', apiVersion: '2024-10-21', credentials, ownKeys: 'Allowed' },
);

/** Every field, with the models that the agents use. */
const valid: fc.Arbitrary<Spec> = fc
  .tuple(
    kindOfProvider,
    record({
      timeoutSeconds: some(upTo(600, 60)),
      firstTokenSeconds: some(upTo(60)),
      idleSeconds: some(upTo(60)),
      retries: some(upTo(5, 0)),
      concurrentCallsPerReplica: some(upTo(100)),
      models: fc.tuple(model('echo'), model('other')),
      embeddingModels: some(fc.tuple(embeddingModel)),
      tenants: some(
        fc.constantFrom({ classes: ['starter'] }, { names: ['acme', 'neighbour'] }, { names: ['acme'], classes: ['starter', 'gold'] }),
      ),
    }),
  )
  .map(([kind, rest]) => ({ ...kind, ...rest }));

/** Agents lose a model, or the key is not there. */
const unfulfillable: readonly Spec[] = [
  { models: [{ name: 'other', contextWindow: 1000, maxOutputTokens: 100, price: { inputPerMillion: 1, outputPerMillion: 1 } }] },
  { tenants: { names: ['neighbour'] } },
  { tenants: {} },
  { type: 'OpenAI', baseURL: undefined, credentials: { secretRef: { name: 'ghost', key: 'key' } } },
  { type: 'OpenAI', ownKeys: 'Required' },
];

const refused: readonly Spec[] = [
  { type: 'Oracle' },
  { models: 'all' },
  { models: [{ name: 'with space' }] },
  { timeoutSeconds: 0 },
  { retries: 9 },
  { baseURL: 'ftp://models.example' },
  { credentials: {} },
  { ownKeys: 'Perhaps' },
  { embeddingModels: [] },
  {
    models: [
      {
        name: 'echo',
        contextWindow: 1000,
        maxOutputTokens: 100,
        price: { inputPerMillion: 1, cacheWritePerMillion: -1, outputPerMillion: 1 },
      },
    ],
  },
];

export const providerWishes: Wishes = { valid, unfulfillable, refused };
