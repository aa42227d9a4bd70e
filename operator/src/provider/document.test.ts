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
      models,
    });
  });
  test('calls nobody for the offline one', () => {
    expect(of({ type: 'Offline' })).not.toHaveProperty('baseURL');
  });
});
