import { describe, expect, test } from 'vitest';
import { modelProviderSpec } from '../api/model-provider.ts';
import { allowedModels, chatModelsAmong, idlePatterns } from './offers.ts';

const price = { inputPerMillion: 1, outputPerMillion: 1 };
const provider = (name: string, models: readonly string[], tenants?: object) => ({
  name,
  spec: modelProviderSpec.parse({
    type: 'OpenAICompatible',
    baseURL: 'https://x.example',
    models: models.map((model) => ({ name: model, contextWindow: 10, maxOutputTokens: 5, price })),
    tenants,
  }),
});
const acme = { tenant: 'acme', tenantClass: 'starter', ownKeys: [] };
const all = { allow: ['open/*', 'closed/*'], within: undefined };

describe('a tenant may use a model', () => {
  test('that is offered and matches a pattern', () => {
    expect(allowedModels([provider('open', ['b', 'a', 'other/c'])], acme, { ...all, allow: ['open/a*', 'open/other/*'] })).toEqual([
      'open/a',
      'open/other/c',
    ]);
  });
  test('of a provider that is open to it by name', () => {
    expect(allowedModels([provider('closed', ['a'], { names: ['acme'] })], acme, all)).toEqual(['closed/a']);
  });
  test('of a provider that is open to its class', () => {
    expect(allowedModels([provider('closed', ['a'], { classes: ['starter'] })], acme, all)).toEqual(['closed/a']);
  });
  test('for embeddings just like for chat, and both are told apart where it matters', () => {
    const embeddingModels = ['e', 'a'].map((name) => ({ name, contextWindow: 10, price }));
    const both = [
      { name: 'open', spec: { ...provider('open', ['a']).spec, embeddingModels } },
      { name: 'closed', spec: modelProviderSpec.parse({ type: 'Offline', embeddingModels }) },
    ];
    const models = allowedModels(both, acme, all);
    expect(models).toEqual(['closed/a', 'closed/e', 'open/a', 'open/e']);
    expect(chatModelsAmong(models, both)).toEqual(['open/a']);
  });
});

describe('a tenant may not use a model', () => {
  test.each<[string, object | undefined, string[] | undefined]>([
    ['of a provider that is open to others', { names: ['bravo'], classes: ['business'] }, undefined],
    ['of a provider that is open to nobody', {}, undefined],
    ['outside the ceiling of its class', undefined, ['open/*']],
  ])('%s', (_, tenants, within) => {
    expect(allowedModels([provider('closed', ['a'], tenants)], acme, { ...all, within })).toEqual([]);
  });
  test('that nobody offers, however it is allowed; and the pattern is named', () => {
    expect(allowedModels([], acme, all)).toEqual([]);
    expect(idlePatterns(['open/*', 'closed/a'], ['open/x'])).toEqual(['closed/a']);
  });
});
