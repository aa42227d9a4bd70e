import { cacheHeader } from '@cloister/tenancy';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { ask, egressUnderTest, type EgressUnderTest } from '../egress.fixture.ts';
import { completion, providerDouble, type Answer, type ProviderDouble } from '../providers/provider.double.ts';
import type { CacheStore } from './cache-store.ts';

type Policy = Parameters<EgressUnderTest['addTenant']>[1];

/** An agent that wants its answers given again. */
export const cached = { name: 'support', url: 'https://127.0.0.1:1', cacheSeconds: 60 };

/** A running egress, and for each test a provider and a tenant of its own whose agents want their answers given again. */
export class CachedWorld {
  readonly #started: { readonly egress: EgressUnderTest };
  #provider: ProviderDouble | undefined;
  #tenants = 0;
  token = '';

  private constructor(started: { readonly egress: EgressUnderTest }) {
    this.#started = started;
  }

  /** For the whole file. */
  static during(cacheStore: CacheStore): CachedWorld {
    let egress: EgressUnderTest | undefined;
    const world = new CachedWorld({
      get egress() {
        if (!egress) throw new Error('egress has not started');
        return egress;
      },
    });
    beforeAll(async () => {
      egress = await egressUnderTest({ cacheStore });
    }, 60_000);
    afterAll(() => egress?.[Symbol.asyncDispose]());
    beforeEach(async () => {
      const provider = await providerDouble(completion('Hello'));
      world.#provider = provider;
      const embeddingModels = [{ name: 'small', contextWindow: 100, price: { inputPerMillion: 1 } }];
      world.egress.addProvider('openai', { baseURL: provider.baseURL, embeddingModels });
      world.#tenants++;
      world.token = await world.addTenant(world.tenant);
      return () => provider[Symbol.asyncDispose]();
    });
    return world;
  }

  get egress(): EgressUnderTest {
    return this.#started.egress;
  }

  get provider(): ProviderDouble {
    if (!this.#provider) throw new Error('there is no provider yet');
    return this.#provider;
  }

  get tenant(): string {
    return `acme${this.#tenants}`;
  }

  readonly addTenant = (name: string, policy: Policy = {}): Promise<string> =>
    this.egress.addTenant(name, {
      models: ['openai/m1', 'openai/small', 'spare/m1'],
      agents: [cached, { ...cached, name: 'sales' }],
      cacheBytes: 1_000_000,
      ...policy,
    });

  readonly chat = async (body: object = {}, by = this.token) => {
    const answer = await fetch(`${this.egress.url}/v1/chat/completions`, ask(by, { model: 'openai/m1', temperature: 0, ...body }));
    const { status, headers } = answer;
    return { status, cache: headers.get(cacheHeader), type: headers.get('content-type'), text: await answer.text() };
  };

  readonly embed = () =>
    fetch(`${this.egress.url}/v1/embeddings`, { ...ask(this.token, {}), body: '{"model":"openai/small","input":"Hi"}' });

  /** How often the provider was asked. */
  readonly asked = (): number => this.provider.asked.length;

  /** Once, and then again: whether the second was given again. */
  readonly again = async (body: object = {}, by = this.token): Promise<string | null> => {
    await this.chat(body, by);
    return (await this.chat(body, by)).cache;
  };
}

/** Answers with one choice that ended so. */
export const finished = (finish_reason: string | null, more: object = {}): Answer => {
  const choices = [{ index: 0, message: { role: 'assistant', content: 'Hel' }, finish_reason }];
  return (response) =>
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ choices, usage: { prompt_tokens: 1, completion_tokens: 1 }, ...more }));
};
