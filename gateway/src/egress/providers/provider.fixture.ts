/** Egress as a whole with a double of one provider behind it. */
import type { ProviderDocument, TenantPolicy } from '@cloister/tenancy';
import { afterAll, beforeEach, expect, vi } from 'vitest';
import { z } from 'zod';
import { ask, egressUnderTest, model, type EgressUnderTest } from '../egress.fixture.ts';
import { completion, providerDouble, type Answer, type ProviderDouble } from './provider.double.ts';

export interface ProviderUnderTest {
  readonly egress: EgressUnderTest;
  readonly provider: ProviderDouble;
  /** The key that the platform has for it. */
  readonly key: string;
  /** Of the running test, which has a tenant and a ModelProvider of its own, both of this name. */
  readonly running: { readonly tenant: string; readonly token: string };
  /** Changes the ModelProvider. */
  readonly offer: (changes?: Partial<ProviderDocument>) => void;
  /** Changes the tenant. */
  readonly become: (changes: Partial<TenantPolicy>) => Promise<void>;
  /** Of the first model that it offers; with an answer of the provider, where the test has given none, that says Hello. */
  readonly chat: (body?: object, headers?: Record<string, string>, signal?: AbortSignal) => Promise<Response>;
  /** Of the first model for embeddings. */
  readonly embed: (input?: unknown) => Promise<Response>;
  readonly refusalOf: (answer: Response) => Promise<{ status: number; code: string; message: string; param: string | null }>;
  /** Waits until the tenant stands so. */
  readonly settled: (expected: object) => Promise<void>;
}

const errorBody = z.object({ error: z.object({ code: z.string(), message: z.string(), param: z.string().nullable() }) });
const vectors = { name: 'vectors', contextWindow: 100, price: { inputPerMillion: 1 } };
let made = 0;

/** To be called outside of tests, once in a file: what one test does to its tenant and its provider is not felt in the next. */
export async function providerUnderTest(
  type: ProviderDocument['type'] = 'OpenAICompatible',
  { models = [model('m1')], ...changes }: Partial<ProviderDocument> = {},
  first: Answer = completion('Hello'),
): Promise<ProviderUnderTest> {
  const key = `${type.toLowerCase()}-key-of-the-platform`;
  const [egress, provider] = await Promise.all([egressUnderTest({ openAI: { idleTimeout: 300, connectTimeout: 300 } }), providerDouble()]);
  const running = { tenant: '', token: '' };
  const [{ name } = model('m1')] = models;
  const offer = (more: Partial<ProviderDocument> = {}) => {
    const credentials = { secretName: 'provider-key', key: 'key' };
    egress.addProvider(running.tenant, {
      type,
      baseURL: provider.baseURL,
      credentials,
      models,
      embeddingModels: [vectors],
      ...changes,
      ...more,
    });
  };
  const become = async (policy: Partial<TenantPolicy>) => {
    const models = [name, vectors.name].map((own) => `${running.tenant}/${own}`);
    running.token = await egress.addTenant(running.tenant, { models, ...policy });
  };
  beforeEach(async () => {
    running.tenant = `acme${++made}`;
    provider.asked.length = 0;
    provider.answer = first;
    egress.credentials.put('provider-key', { key });
    offer();
    await become({});
  });
  afterAll(async () => {
    await egress[Symbol.asyncDispose]();
    await provider[Symbol.asyncDispose]();
  });
  return {
    ...{ egress, provider, key, running, offer, become },
    chat: (body = {}, headers = {}, signal) => {
      const asked = ask(running.token, { model: `${running.tenant}/${name}`, ...body }, headers);
      return fetch(`${egress.url}/v1/chat/completions`, { ...asked, ...(signal && { signal }) });
    },
    embed: (input = 'Hi') => {
      const body = JSON.stringify({ model: `${running.tenant}/${vectors.name}`, input });
      return fetch(`${egress.url}/v1/embeddings`, { ...ask(running.token, {}), body });
    },
    refusalOf: async (answer) => ({ status: answer.status, ...errorBody.parse(await answer.json()).error }),
    settled: (expected) => vi.waitFor(async () => expect(await egress.standing(running.tenant)).toMatchObject(expected), 3_000),
  };
}
