/** A provider that is reached over the network with a key, as egress's pod does it: two doubles on this machine play it and its neighbour. */
import { agentFiles, namespaces } from '@cloister/tenancy';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  beginStream,
  completion,
  failure,
  piece,
  providerDouble,
  type ProviderDouble,
} from '../../gateway/src/egress/providers/provider.double.ts';
import { exportAudit } from './support/audit.ts';
import { call, openai } from './support/http.ts';
import { conditionOf } from './support/kubectl.ts';
import { agentManifest, agentName, createTenant, deleteTenant, type LiveTenant } from './support/tenants.ts';
import { until } from './support/until.ts';
import { openWorld, type World } from './support/world.ts';

const name = 'provided';
const owner = 'provided-own';
const [main, spare] = ['e2e-provider', 'e2e-spare'];
const keys = { old: 'sk-e2e-the-old-key', new: 'sk-e2e-the-new-key' };
const brought = { old: 'sk-e2e-brought-first', new: 'sk-e2e-brought-second' };

let world: World;
let tenant: LiveTenant;
let owning: LiveTenant;
let provider: ProviderDouble;
let neighbour: ProviderDouble;

const secret = (key: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: main, namespace: namespaces.providers },
  stringData: { key },
});
/** Labelled, the operator follows it at once. */
const broughtSecret = (key: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'brought', namespace: owning.namespace, labels: { 'cloister.dev/tenant': owner } },
  stringData: { key },
});
const modelProvider = (provider: string, baseURL: string, more: object, price: number) => ({
  apiVersion: 'cloister.dev/v1alpha1',
  kind: 'ModelProvider',
  metadata: { name: provider },
  spec: {
    type: 'OpenAICompatible',
    baseURL,
    credentials: { secretRef: { name: main, key: 'key' } },
    tenants: { names: [name, owner] },
    models: [
      { name: 'm1', contextWindow: 10_000, maxOutputTokens: 1_000, price: { inputPerMillion: price, outputPerMillion: price }, ...more },
    ],
  },
});
const agent = { model: `${main}/m1`, allowedTools: ['weather'], settings: { temperature: { min: 0, max: 1 } } };

beforeAll(async () => {
  world = await openWorld();
  const { hostIP } = world.cluster;
  [provider, neighbour] = await Promise.all([
    providerDouble(completion('x'), hostIP),
    providerDouble(completion('from the neighbour', 7, 3), hostIP),
  ]);
  await world.kubectl.apply(secret(keys.old));
  await world.kubectl.apply(modelProvider(main, provider.baseURL, { fallbacks: [`${spare}/m1`] }, 1));
  await world.kubectl.apply(modelProvider(spare, neighbour.baseURL, {}, 2));
  const access = { apiKeys: [{ name: 'default', scopes: ['chat', 'usage'] }] };
  const spec = { access, models: { allow: [`${main}/*`, `${spare}/*`] } };
  [tenant, owning] = await Promise.all([createTenant(world, { name, spec, agent }), createTenant(world, { name: owner, spec, agent })]);
});
afterAll(async () => {
  await Promise.all([name, owner].map((one) => deleteTenant(world, one)));
  await world.kubectl.run(['delete', 'modelprovider', main, spare, '--ignore-not-found']);
  await world.kubectl.run(['delete', 'secret', main, '-n', namespaces.providers, '--ignore-not-found']);
  await Promise.all([provider[Symbol.asyncDispose](), neighbour[Symbol.asyncDispose]()]);
});
beforeEach(() => {
  provider.answer = completion('from the provider', 10, 5);
});

const chat = ({ url, key } = tenant) => openai(`${url}/v1`, key).chat.completions;
const ask = (by = tenant) => chat(by).create({ model: agentName, messages: [{ role: 'user', content: 'hello' }] });
const uids = async () => (await world.kubectl.list('pods', ['-n', namespaces.system])).map(({ metadata }) => metadata.uid).sort();

test('its key is replaced while callers ask: nobody is refused, no pod is replaced, and the old one is used no more', async () => {
  const before = await uids();
  const ending = new AbortController();
  const failures: unknown[] = [];
  const caller = async () => {
    while (!ending.signal.aborted) await ask().catch((error: unknown) => failures.push(error));
  };
  const callers = Promise.all([caller(), caller()]);
  const sent = () => provider.asked.map(({ headers }) => headers.authorization);
  await until('callers with the old key', () => Promise.resolve(sent().length > 20), { within: 20_000 });
  await world.kubectl.apply(secret(keys.new));
  await until('calls with the new key', () => Promise.resolve(sent().filter((key) => key === `Bearer ${keys.new}`).length > 20), {
    within: 20_000,
  });
  ending.abort();
  await callers;
  expect(failures).toEqual([]);
  const first = sent().indexOf(`Bearer ${keys.new}`);
  expect(new Set(sent().slice(0, first))).toEqual(new Set([`Bearer ${keys.old}`]));
  // Two callers: one call may have been on its way with the old one.
  expect(
    sent()
      .slice(first + 1)
      .filter((key) => key !== `Bearer ${keys.new}`).length,
  ).toBeLessThanOrEqual(1);
  expect(await uids()).toEqual(before);
});

test('where it fails its neighbour answers, and each is billed by its own count and price', async () => {
  const usage = z.object({
    data: z.array(
      z.object({ model: z.string(), requests: z.number(), input_tokens: z.number(), output_tokens: z.number(), micro_usd: z.number() }),
    ),
  });
  const used = async (model: string) => {
    const { text } = await call(`${tenant.url}/v1/usage?group_by=model`, { key: tenant.key });
    const line = usage.parse(JSON.parse(text)).data.find((one) => one.model === model);
    return line ?? { model, requests: 0, input_tokens: 0, output_tokens: 0, micro_usd: 0 };
  };
  provider.answer = failure(503, 'down');
  const before = provider.asked.length;
  const answer = await ask();
  expect(answer.choices[0]?.message.content).toBe('from the neighbour');
  expect(provider.asked.length - before).toBe(3); // once, and twice more
  provider.answer = completion('from the provider', 10, 5);
  await ask();
  await until('its neighbour’s usage', async () => (await used(`${spare}/m1`)).requests === 1, { within: 10_000 });
  expect(await used(`${spare}/m1`)).toMatchObject({ input_tokens: 7, output_tokens: 3, micro_usd: 20 });
  const told = await until(
    'its own',
    async () => {
      const now = await used(`${main}/m1`);
      return now.requests === provider.asked.length ? now : undefined;
    },
    { within: 10_000 },
  );
  const answered = told.requests - 3;
  expect(told).toMatchObject({ input_tokens: answered * 10, output_tokens: answered * 5, micro_usd: answered * 15 });
});

describe('a tenant with a key of its own', () => {
  /** Agents say whose they are in their instructions. */
  const sentFor = (tenant: string) =>
    provider.asked
      .filter(({ body }) => JSON.stringify(body['messages']).includes(`agent of ${tenant}.`))
      .map(({ headers }) => headers.authorization?.replace('Bearer ', ''));
  const callersUntil = async (what: () => Promise<unknown>) => {
    const ending = new AbortController();
    const failures: unknown[] = [];
    const caller = async (by: LiveTenant) => {
      while (!ending.signal.aborted) await ask(by).catch((error: unknown) => failures.push(error));
    };
    const callers = Promise.all([caller(owning), caller(owning), caller(tenant)]);
    await what();
    ending.abort();
    await callers;
    return failures;
  };
  const manyWith = (key: string) =>
    until(`calls with ${key}`, () => Promise.resolve(sentFor(owner).filter((sent) => sent === key).length > 20), { within: 20_000 });

  test('goes over to it, and from one to the next, while callers ask: none fails, and other tenants go on with the platform’s', async () => {
    await world.kubectl.apply(broughtSecret(brought.old));
    provider.asked.length = 0;
    const providerKeys = [{ provider: main, secretRef: { name: 'brought', key: 'key' } }];
    const failures = await callersUntil(async () => {
      await manyWith(keys.new);
      await world.kubectl.run(['patch', 'tenant', owner, '--type=merge', '-p', JSON.stringify({ spec: { providerKeys } })]);
      await manyWith(brought.old);
      await world.kubectl.apply(broughtSecret(brought.new));
      await manyWith(brought.new);
    });
    expect(failures).toEqual([]);
    // Two callers: at each change one call may have been on its way with the key before.
    const late = (from: string) =>
      sentFor(owner)
        .slice(sentFor(owner).indexOf(from))
        .filter((key) => key !== from && !(from === brought.old && key === brought.new));
    for (const from of [brought.old, brought.new]) expect(late(from).length).toBeLessThanOrEqual(1);
    expect(new Set(sentFor(name))).toEqual(new Set([keys.new]));
  });

  test('is on record with it, and hears what is wrong when it is gone; then its calls fail, and nobody else’s', async () => {
    const { uid = '' } = (await world.kubectl.get('tenant', owner))?.metadata ?? {};
    const recorded = async () => (await exportAudit(world, uid)).some((line) => line.includes(`"provider":"${main}","key":"own"`));
    await until('its calls on record', recorded, { within: 10_000 });
    await world.kubectl.run(['delete', 'secret', 'brought', '-n', owning.namespace]);
    const condition = async () => conditionOf(await world.kubectl.get('tenant', owner), 'CredentialsReady');
    await until('the condition', async () => (await condition())?.reason === 'SecretMissing', { within: 10_000 });
    expect((await condition())?.message).toContain('spec.providerKeys[0].secretRef names Secret "brought"');
    const [before, told] = [provider.asked.length, neighbour.asked.length];
    await expect(ask(owning)).rejects.toMatchObject({ status: 503, code: 'own_key_missing' });
    expect([provider.asked.length, neighbour.asked.length]).toEqual([before, told]);
    await ask(tenant);
    await world.kubectl.apply(broughtSecret(brought.new));
    await until('calls again', () => ask(owning), { within: 10_000 });
  });
});

test('no key is in the logs of Cloister, nor anywhere in the tenants’ namespaces but in the Secret that one of them brings', async () => {
  const logs = await Promise.all(
    ['egress', 'edge', 'operator'].map((part) => world.kubectl.run(['logs', '-n', namespaces.system, `deployment/${part}`, '--tail=-1'])),
  );
  expect(logs[0]).toContain(`"${name}"`); // they are of the calls before
  expect(logs[0]).toContain(`"${owner}"`);
  const kinds = 'configmaps,pods,deployments,events,agentconfigs';
  const all = await Promise.all([
    world.kubectl.run(['get', `${kinds},secrets`, '-n', tenant.namespace, '-o', 'yaml']),
    world.kubectl.run(['get', kinds, '-n', owning.namespace, '-o', 'yaml']),
    world.kubectl.run(['get', 'tenants,modelproviders', '-o', 'yaml']),
    world.kubectl.run(['get', 'configmaps', '-n', namespaces.system, '-o', 'yaml']),
  ]);
  const encoded = Object.values({ ...keys, ...brought }).flatMap((key) => [key, Buffer.from(key).toString('base64')]);
  for (const key of encoded) expect([...logs, ...all].some((text) => text.includes(key))).toBe(false);
});

test('a caller that leaves ends the call there, all the way from the Ingress', async () => {
  const begun = Promise.withResolvers<undefined>();
  const ended = Promise.withResolvers<number>();
  provider.answer = (response) => {
    beginStream(response);
    const timer = setInterval(() => response.write(piece(' word')), 20);
    response.once('close', () => {
      clearInterval(timer);
      ended.resolve(performance.now());
    });
    begun.resolve(undefined);
  };
  const stream = await chat().create({ model: agentName, stream: true, messages: [{ role: 'user', content: 'hello' }] });
  await begun.promise;
  for await (const chunk of stream) if (chunk.choices.length > 0) break;
  const left = performance.now();
  stream.controller.abort();
  // Ingress, edge, agent and egress notice one after the other; each within 100 ms by its own tests.
  expect((await ended.promise) - left).toBeLessThan(1_000);
});

describe('whatever is sent from the agent’s own pod, with its token,', () => {
  const script = `
    const [body, file] = process.argv.slice(1);
    const headers = { authorization: 'Bearer ' + require('node:fs').readFileSync(file, 'utf8'), 'content-type': 'application/json' };
    fetch('http://egress.${namespaces.system}.svc/v1/chat/completions', { method: 'POST', headers, body })
      .then(async (answer) => console.log(JSON.stringify({ status: answer.status, body: await answer.json() })));`;
  const answered = z.object({ status: z.number(), body: z.looseObject({ error: z.object({ code: z.string() }).optional() }) });
  const forged = async (body: object) => {
    const request = { model: `${main}/m1`, messages: [{ role: 'user', content: 'x' }], ...body };
    const command = ['node', '-e', script, JSON.stringify(request), agentFiles.egressToken];
    return answered.parse(
      JSON.parse(await world.kubectl.run(['exec', '-n', tenant.namespace, `deployment/${agentName}`, '--', ...command])),
    );
  };
  const tool = (tool: string) => ({ tools: [{ type: 'function', function: { name: tool } }] });

  test.each([
    ['a model that the tenant may not use', { model: 'offline/echo' }, 'model_not_allowed'],
    ['a tool that the AgentConfig does not name', tool('shell'), 'tool_not_allowed'],
    ['a temperature beyond its bounds', { temperature: 1.5 }, 'parameter_not_allowed'],
    ['a parameter that has a price of its own', { service_tier: 'priority' }, 'parameter_not_priced'],
  ])('%s is refused, and the provider is not asked', async (_, body, code) => {
    const before = provider.asked.length;
    expect((await forged(body)).body.error?.code).toBe(code);
    expect(provider.asked).toHaveLength(before);
  });

  test('what is within the bounds is answered, and so is what they are edited to be', async () => {
    expect(await forged({ ...tool('weather'), temperature: 1 })).toMatchObject({ status: 200 });
    await world.kubectl.apply(agentManifest({ name, agent: { ...agent, allowedTools: ['weather', 'shell'] } }));
    await until('the tool to be allowed', async () => (await forged(tool('shell'))).status === 200, { within: 10_000, every: 200 });
  });
});
