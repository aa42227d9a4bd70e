/** A model provider on this machine that tells apart what it had in its cache, what it wrote there and what it thought, the same of each call. */
import { providerDouble, beginStream, chunk, endMark, piece, stopChunk } from '../../../gateway/src/egress/providers/provider.double.ts';
import type { World } from './world.ts';

export interface ThinkingProvider extends AsyncDisposable {
  /** In full. */
  readonly model: string;
}

export const thought = { prompt_tokens: 100, completion_tokens: 50, cached_tokens: 64, cache_write_tokens: 20, reasoning_tokens: 32 };

const { prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens, reasoning_tokens } = thought;
const usage = {
  ...{ prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens },
  ...{ prompt_tokens_details: { cached_tokens, cache_write_tokens }, completion_tokens_details: { reasoning_tokens } },
};
const choices = [{ index: 0, message: { role: 'assistant', content: 'Yes.' }, finish_reason: 'stop' }];
const whole = JSON.stringify({ id: 'c1', object: 'chat.completion', created: 1, model: 'm1', choices, usage });
const inPieces = piece('Yes.') + stopChunk + chunk({ choices: [], usage }) + endMark;

/** For one tenant, at the prices of the offline model. */
export async function thinkingProvider({ cluster, kubectl }: World, name: string, tenant: string): Promise<ThinkingProvider> {
  const double = await providerDouble((response, { body }) => {
    if (body['stream'] === true) beginStream(response).end(inPieces);
    else response.writeHead(200, { 'content-type': 'application/json' }).end(whole);
  }, cluster.hostIP);
  const price = { inputPerMillion: 1, outputPerMillion: 4 };
  await kubectl.apply({
    apiVersion: 'cloister.dev/v1alpha1',
    kind: 'ModelProvider',
    metadata: { name },
    spec: {
      type: 'OpenAICompatible',
      baseURL: double.baseURL,
      tenants: { names: [tenant] },
      models: [{ name: 'm1', contextWindow: 10_000, maxOutputTokens: 1_000, price }],
    },
  });
  return {
    model: `${name}/m1`,
    [Symbol.asyncDispose]: async () => {
      await kubectl.run(['delete', 'modelprovider', name, '--ignore-not-found']);
      await double[Symbol.asyncDispose]();
    },
  };
}
