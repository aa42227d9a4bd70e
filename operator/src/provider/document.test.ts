import { providerDocument } from '@cloister/tenancy';
import { describe, expect, test } from 'vitest';
import { modelProviderSpec } from '../api/model-provider.ts';
import { providerDocumentOf } from './document.ts';

const models = [{ name: 'gpt-5-mini', contextWindow: 10, maxOutputTokens: 5, price: { inputPerMillion: 0.25, outputPerMillion: 2 } }];
const of = (spec: object) =>
  providerDocument.parse(JSON.parse(JSON.stringify(providerDocumentOf('p', modelProviderSpec.parse({ models, ...spec })))));

describe("a provider's document", () => {
  test('knows where OpenAI is, and where its key is kept but not the key', () => {
    expect(of({ type: 'OpenAI', credentials: { secretRef: { name: 'openai', key: 'key' } } })).toMatchObject({
      name: 'p',
      baseURL: 'https://api.openai.com/v1',
      credentials: { secretName: 'openai', key: 'key' },
      timeoutSeconds: 120,
      idleSeconds: 60,
      retries: 2,
      models,
    });
  });
  test('says how long, how often and how many at once it may be called, and what answers in its place', () => {
    const patience = { timeoutSeconds: 50, firstTokenSeconds: 20, idleSeconds: 10, retries: 0, concurrentCallsPerReplica: 7 };
    const chained = [{ ...models[0], fallbacks: ['spare/gpt-5-mini'] }];
    expect(of({ type: 'Offline', ...patience, models: chained })).toMatchObject({ ...patience, models: chained });
  });
  test('says of which day prices are, where that is known', () => {
    const price = { inputPerMillion: 1, asOf: '2026-03-31' };
    const embeddingModels = [{ name: 'e', contextWindow: 8192, price }];
    const dated = [{ ...models[0], price: { ...price, outputPerMillion: 1 } }];
    expect(of({ type: 'Offline', models: dated, embeddingModels })).toMatchObject({ models: dated, embeddingModels });
  });
  test('says what cached input costs, and what is written to the cache, where that is known', () => {
    const price = { inputPerMillion: 5, cachedInputPerMillion: 0.5, cacheWritePerMillion: 6.25, outputPerMillion: 30 };
    const priced = [{ ...models[0], price }];
    expect(of({ type: 'Offline', models: priced })).toMatchObject({ models: priced });
    expect(JSON.stringify(of({ type: 'Offline' }))).not.toContain('cache');
  });
  test('has models for embeddings in a list of their own', () => {
    const embeddingModels = [{ name: 'text-embedding-3-small', contextWindow: 8192, price: { inputPerMillion: 0.02 } }];
    expect(of({ type: 'Offline', embeddingModels })).toMatchObject({ models, embeddingModels });
    expect(of({ type: 'Offline', models: undefined, embeddingModels })).toMatchObject({ models: [], embeddingModels });
  });
  test('does not say who may use it, which is in the policies of tenants', () => {
    expect(of({ type: 'Offline', tenants: { names: ['acme'] } })).not.toHaveProperty('tenants');
    expect(JSON.stringify(providerDocumentOf('p', modelProviderSpec.parse({ models, type: 'Offline', tenants: {} })))).not.toContain(
      'tenants',
    );
  });
  test.each([
    ['Anthropic', 'https://api.anthropic.com/v1'],
    ['Gemini', 'https://generativelanguage.googleapis.com/v1beta/openai'],
  ])('knows where %s is', (type, baseURL) => {
    expect(of({ type, credentials: { secretRef: { name: 'secret', key: 'key' } } })).toMatchObject({ baseURL });
  });
  test('knows the version of Azure’s older API', () => {
    const azure = { type: 'AzureOpenAI', baseURL: 'https://x.openai.azure.com/openai', apiVersion: '2024-10-21' };
    expect(of({ ...azure, credentials: { secretRef: { name: 'azure', key: 'key' } } })).toMatchObject(azure);
  });
  test('calls nobody for the offline one', () => {
    expect(of({ type: 'Offline' })).not.toHaveProperty('baseURL');
  });
});
