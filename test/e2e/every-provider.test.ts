/**
 * Each type of ModelProvider, applied by kubectl and asked by OpenAI's client through the Ingress. Behind them are doubles of the providers' wire formats
 * on this machine; no request leaves it.
 */
import { agentFiles, namespaces } from '@cloister/tenancy';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import * as anthropic from '../../gateway/src/egress/providers/anthropic/messages-api.double.ts';
import * as azure from '../../gateway/src/egress/providers/azure/azure-api.double.ts';
import * as bedrock from '../../gateway/src/egress/providers/bedrock/bedrock-api.double.ts';
import * as gemini from '../../gateway/src/egress/providers/gemini/gemini-api.double.ts';
import {
  completion,
  endMark,
  piece,
  providerDouble,
  stopChunk,
  streamed,
  usageChunk,
  type Answer,
  type ProviderDouble,
} from '../../gateway/src/egress/providers/provider.double.ts';
import { call, openai } from './support/http.ts';
import { agentName, createTenant, deleteTenant, type LiveTenant } from './support/tenants.ts';
import { openWorld, type World } from './support/world.ts';

const name = 'every-way';
const key = 'sk-e2e-every-way';
const secret = 'e2e-every-way';

interface Way {
  readonly type: string;
  /** What follows the address of the double's machine in baseURL. */
  readonly path: string;
  readonly apiVersion?: string;
  readonly model: string;
  /** Where chat completions are asked for, and what says on whose account. */
  readonly url: string;
  readonly credential: Readonly<Record<string, string>>;
  readonly whole: Answer;
  readonly stream: Answer;
  readonly tool: Answer;
  /** What each of these says that it has cost, in tokens of input and of output. */
  readonly cost: readonly [input: number, output: number];
}

const words = { whole: 'Hello', stream: ['Hel', 'lo'] } as const;
const weather = { name: 'weather', arguments: '{"city":"Oslo"}' };
const calling = (usage: object): Answer => {
  const message = { role: 'assistant', content: null, tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: weather }] };
  const choices = [{ index: 0, message, finish_reason: 'tool_calls' }];
  const body = JSON.stringify({ id: 'c1', object: 'chat.completion', created: 1, model: 'real-name', choices, usage });
  return (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(body);
};
const inOpenAIsWords = (input: number, output: number) => ({
  whole: completion(words.whole, input, output),
  stream: streamed(...words.stream.map(piece), stopChunk, usageChunk(input, output), endMark),
  tool: calling({ prompt_tokens: input, completion_tokens: output, total_tokens: input + output }),
  cost: [input, output] as const,
});
const bearer = { authorization: `Bearer ${key}` };
/** Gemini has it in the total alone. */
const thinking = { input: 12, output: 6, thinking: 40 };

const ways: Readonly<Record<string, Way>> = {
  openai: { type: 'OpenAI', path: '/v1', model: 'gpt', url: '/v1/chat/completions', credential: bearer, ...inOpenAIsWords(10, 5) },
  compatible: {
    ...{ type: 'OpenAICompatible', path: '/api/v1', model: 'org/llama', url: '/api/v1/chat/completions', credential: bearer },
    ...inOpenAIsWords(11, 7),
  },
  azure: {
    ...{ type: 'AzureOpenAI', path: '/openai/v1', model: 'gpt', url: '/openai/v1/chat/completions', credential: { 'api-key': key } },
    ...inOpenAIsWords(20, 3),
    stream: streamed(azure.promptChunk, ...words.stream.map(azure.filteredPiece), stopChunk, usageChunk(20, 3), endMark),
  },
  'azure-deployments': {
    ...{ type: 'AzureOpenAI', path: '/openai', apiVersion: '2024-10-21', model: 'gpt', credential: { 'api-key': key } },
    url: '/openai/deployments/gpt/chat/completions?api-version=2024-10-21',
    ...inOpenAIsWords(21, 4),
  },
  anthropic: {
    ...{ type: 'Anthropic', path: '/v1', model: 'claude', url: '/v1/messages' },
    credential: { 'x-api-key': key, 'anthropic-version': '2023-06-01' },
    whole: anthropic.message([{ type: 'text', text: words.whole }]),
    stream: anthropic.streamedEvents(
      anthropic.start() + anthropic.textStart(),
      ...words.stream.map((text) => anthropic.text(text)),
      anthropic.stop() + anthropic.end(),
    ),
    tool: anthropic.message([{ type: 'tool_use', id: 'call_1', name: 'weather', input: { city: 'Oslo' } }], 'tool_use'),
    cost: [10, 5],
  },
  gemini: {
    ...{ type: 'Gemini', path: '/v1beta/openai', model: 'flash', url: '/v1beta/openai/chat/completions', credential: bearer },
    whole: gemini.answered(words.whole, thinking),
    stream: streamed(gemini.counted('Hel', { ...thinking, output: 1 }), gemini.counted('lo', thinking, 'stop'), endMark),
    tool: calling({ prompt_tokens: 12, completion_tokens: 6, total_tokens: 58 }),
    cost: [12, 46],
  },
  bedrock: {
    ...{ type: 'Bedrock', path: '/openai/v1', model: 'openai.gpt-oss-20b-1:0', url: '/openai/v1/chat/completions', credential: bearer },
    ...inOpenAIsWords(100, 50),
    whole: bedrock.reasoned('Hm.', words.whole),
  },
};
const providerOf = (way: string) => `e2e-${way}`;
const modelOf = (way: string) => `${providerOf(way)}/${ways[way]?.model}`;
const models = Object.keys(ways).map(modelOf);
const vectors = `${providerOf('azure')}/vectors`;

let world: World;
let tenant: LiveTenant;
let provider: ProviderDouble;

function manifest(way: string, { type, path, apiVersion, model }: Way): object {
  const size = { contextWindow: 10_000, maxOutputTokens: 1_000 };
  return {
    apiVersion: 'cloister.dev/v1alpha1',
    kind: 'ModelProvider',
    metadata: { name: providerOf(way) },
    spec: {
      ...{ type, apiVersion, baseURL: `${new URL(provider.baseURL).origin}${path}`, tenants: { names: [name] }, retries: 0 },
      credentials: { secretRef: { name: secret, key: 'key' } },
      models: [{ name: model, ...size, price: { inputPerMillion: 1, outputPerMillion: 2 } }],
      ...(way === 'azure' && { embeddingModels: [{ name: 'vectors', contextWindow: 1_000, price: { inputPerMillion: 3 } }] }),
    },
  };
}

beforeAll(async () => {
  world = await openWorld();
  provider = await providerDouble(completion('nobody has asked for this'), world.cluster.hostIP);
  await world.kubectl.apply({
    ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: secret, namespace: namespaces.providers } },
    stringData: { key },
  });
  await world.kubectl.apply(Object.entries(ways).map(([way, is]) => manifest(way, is)));
  const access = { apiKeys: [{ name: 'default', scopes: ['chat', 'usage'] }] };
  const spec = { access, models: { allow: [...models, vectors] } };
  tenant = await createTenant(world, { name, spec, agent: { model: models[0], settings: { models } } });
});
afterAll(async () => {
  await deleteTenant(world, name);
  await world.kubectl.run(['delete', 'modelprovider', ...Object.keys(ways).map(providerOf), '--ignore-not-found']);
  await world.kubectl.run(['delete', 'secret', secret, '-n', namespaces.providers, '--ignore-not-found']);
  await provider[Symbol.asyncDispose]();
});
beforeEach(() => void (provider.asked.length = 0));

const completions = () => openai(`${tenant.url}/v1`, tenant.key).chat.completions;
const question = { role: 'user' as const, content: 'How is the weather in Oslo?' };
const heard = () => JSON.stringify(provider.asked.at(-1)?.body);

const line = z.object({ model: z.string(), requests: z.int(), input_tokens: z.int(), output_tokens: z.int(), micro_usd: z.int() });
async function usageOf(model: string) {
  const { text } = await call(`${tenant.url}/v1/usage?group_by=model`, { key: tenant.key });
  return z
    .object({ data: z.array(line) })
    .parse(JSON.parse(text))
    .data.find((one) => one.model === model);
}

describe.each(Object.entries(ways))('a ModelProvider %s', (way, { whole, stream, tool, cost: [input, output], url, credential }) => {
  const model = modelOf(way);

  test('answers as a whole, called at its address with the platform’s key', async () => {
    provider.answer = whole;
    const { choices, usage } = await completions().create({ model, messages: [question] });
    expect(choices[0]?.message.content).toMatch(new RegExp(`${words.whole}$`));
    expect(usage).toMatchObject({ prompt_tokens: input });
    expect(provider.asked).toMatchObject([{ url, headers: credential }]);
    expect(JSON.stringify(provider.asked[0]?.headers)).not.toContain(tenant.key);
  });

  test('streams, piece by piece, to the end', async () => {
    provider.answer = stream;
    const [pieces, reasons]: [string[], string[]] = [[], []];
    for await (const { choices } of await completions().create({ model, stream: true, messages: [question] })) {
      pieces.push(...choices.flatMap(({ delta }) => delta.content || []));
      reasons.push(...choices.flatMap(({ finish_reason }) => finish_reason ?? []));
    }
    expect([pieces, reasons]).toEqual([words.stream, ['stop']]);
  });

  test('calls a tool, and hears what came of it', async () => {
    const parameters = { type: 'object', properties: { city: { type: 'string' } } };
    const tools = [{ type: 'function' as const, function: { name: 'weather', parameters } }];
    provider.answer = tool;
    const { choices } = await completions().create({ model, tools, messages: [question] });
    const [message] = choices.map((choice) => choice.message);
    if (!message) return expect.fail('no choice');
    expect(message.tool_calls).toMatchObject([{ id: 'call_1', type: 'function', function: weather }]);
    expect(heard()).toContain('"weather"');
    provider.answer = whole;
    const result = { role: 'tool' as const, tool_call_id: 'call_1', content: 'rain, 7 degrees' };
    const last = await completions().create({ model, tools, messages: [question, message, result] });
    expect(last.choices[0]?.finish_reason).toBe('stop');
    expect(heard()).toContain('rain, 7 degrees');
  });

  test('is billed by its own count', async () => {
    const [requests, input_tokens, output_tokens] = [4, 4 * input, 4 * output];
    const told = { model, requests, input_tokens, output_tokens, micro_usd: input_tokens + 2 * output_tokens };
    await expect.poll(() => usageOf(model), { timeout: 10_000 }).toEqual(told);
  });

  test('sees a picture', async () => {
    provider.answer = whole;
    const picture = { type: 'image_url' as const, image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } };
    await completions().create({ model, messages: [{ role: 'user', content: [{ type: 'text', text: 'What is this?' }, picture] }] });
    const asAnthropicHasIt = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } };
    expect(heard()).toContain(JSON.stringify(way === 'anthropic' ? asAnthropicHasIt : picture));
  });

  test('is told the schema that the answer is to have', async () => {
    provider.answer = whole;
    const schema = { type: 'object', properties: { celsius: { type: 'number' } }, required: ['celsius'], additionalProperties: false };
    const format = { type: 'json_schema' as const, json_schema: { name: 'weather', strict: true, schema } };
    await completions().create({ model, messages: [question], response_format: format });
    const asAnthropicHasIt = { output_config: { format: { type: 'json_schema', schema } } };
    expect(provider.asked.at(-1)?.body).toMatchObject(way === 'anthropic' ? asAnthropicHasIt : { response_format: format });
  });
});

test('an agent’s pod is given embeddings, billed by the provider’s count', async () => {
  const answer = { object: 'list', model: 'real-name', data: [{ object: 'embedding', index: 0, embedding: [0.25, -1] }] };
  provider.answer = (response) =>
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ ...answer, usage: { prompt_tokens: 8, total_tokens: 8 } }));
  const script = `
    const [body, file] = process.argv.slice(1);
    const headers = { authorization: 'Bearer ' + require('node:fs').readFileSync(file, 'utf8'), 'content-type': 'application/json' };
    fetch('http://egress.${namespaces.system}.svc/v1/embeddings', { method: 'POST', headers, body })
      .then(async (answer) => console.log(await answer.text()));`;
  const command = ['node', '-e', script, JSON.stringify({ model: vectors, input: 'Hello' }), agentFiles.egressToken];
  const text = await world.kubectl.run(['exec', '-n', tenant.namespace, `deployment/${agentName}`, '--', ...command]);
  expect(JSON.parse(text)).toMatchObject(answer);
  expect(provider.asked).toMatchObject([{ url: '/openai/v1/embeddings', headers: { 'api-key': key }, body: { input: 'Hello' } }]);
  await expect.poll(() => usageOf(vectors), { timeout: 10_000 }).toMatchObject({ requests: 1, input_tokens: 8, micro_usd: 24 });
});
