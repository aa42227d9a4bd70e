/** A new revision of an agent beside the one in use: who answers through the Ingress, and what is told of it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { call } from './support/http.ts';
import { metricsOf, sumOf } from './support/metrics.ts';
import { agentManifest, agentReady, agentName, createTenant, deleteTenant, type LiveTenant } from './support/tenants.ts';
import { until } from './support/until.ts';
import { openWorld, type World } from './support/world.ts';

const name = 'splits';
const next = 'support-next';
const broken = 'broken';
const usage = z.object({ data: z.array(z.object({ agent: z.string(), requests: z.int() })) });

let world: World;
let tenant: LiveTenant;
const answered = new Map<string, number>();

beforeAll(async () => {
  world = await openWorld();
  const access = { apiKeys: [{ name: 'default', scopes: ['chat', 'usage'] }] };
  tenant = await createTenant(world, { name, spec: { access } });
  await world.kubectl.apply({ ...agentManifest({ name }), metadata: { name: next, namespace: tenant.namespace } });
  await agentReady(world, next, tenant.namespace);
});
afterAll(() => deleteTenant(world, name));

async function share(weights: Readonly<Record<string, number>>): Promise<void> {
  const agents = Object.entries(weights).map(([agent, weight]) => ({ name: agent, weight }));
  const patch = JSON.stringify({ spec: { trafficSplits: [{ name: agentName, agents }] } });
  await world.kubectl.run(['patch', 'tenant', name, '--type=merge', '-p', patch]);
}

/** Which agent has answered. */
async function ask(session?: string): Promise<string> {
  const { status, headers, text } = await call(`${tenant.url}/v1/chat/completions`, {
    method: 'POST',
    key: tenant.key,
    headers: session === undefined ? {} : { 'x-cloister-session': session },
    body: { model: agentName, messages: [{ role: 'user', content: 'say 2 words' }] },
  });
  expect(status, text).toBe(200);
  const agent = String(headers['x-cloister-agent']);
  answered.set(agent, (answered.get(agent) ?? 0) + 1);
  return agent;
}
const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
const askTimes = (times: number) => Promise.all(Array.from({ length: times }, () => ask()));
/** As soon as nothing else is answered by anybody else, so on each replica. */
const onlyFrom = (agent: string, within: number) =>
  until(`answers of ${agent} alone`, async () => (await askTimes(10)).every((by) => by === agent), { within });

test('requests are shared out by weight, and the status shows the shares', async () => {
  await share({ [agentName]: 1, [next]: 1 });
  await until('both to answer', async () => (await ask()) === next, { within: 10_000 });
  const by = await askTimes(100);
  // Five standard deviations.
  expect(Math.abs(by.filter((agent) => agent === next).length - 50)).toBeLessThan(25);
  expect(new Set(by)).toEqual(new Set([agentName, next]));
  const shares = { trafficSplits: [{ name: agentName, agents: [agentName, next].map((agent) => ({ name: agent, percent: 50 })) }] };
  await until('the shares', async () => (await world.kubectl.get('tenant', name))?.status?.['trafficSplits'] !== undefined, {
    within: 10_000,
  });
  expect((await world.kubectl.get('tenant', name))?.status).toMatchObject(shares);
});

test('a session is answered by one agent, and which one is spread', async () => {
  const sessions = Array.from({ length: 12 }, (_, at) => `session-${at}`);
  const first = await Promise.all(sessions.map(ask));
  expect(new Set(first)).toEqual(new Set([agentName, next]));
  for (let turn = 0; turn < 3; turn++) expect(await Promise.all(sessions.map(ask))).toEqual(first);
});

test('new weights are in force within a second, and no pod is replaced', async () => {
  const pods = async () => (await world.kubectl.list('pod', ['-n', tenant.namespace])).map(({ metadata }) => metadata.uid).sort();
  const before = await pods();
  await share({ [agentName]: 0, [next]: 1 });
  await onlyFrom(next, 1_000);
  await share({ [agentName]: 1, [next]: 0 });
  await onlyFrom(agentName, 1_000);
  expect(await pods()).toEqual(before);
});

test('while a revision does not come up, nobody is refused anything, and the status says so', async () => {
  const spec = { image: 'registry.invalid/agents/none:1' };
  const manifest = { ...agentManifest({ name, agent: spec }), metadata: { name: broken, namespace: tenant.namespace } };
  await world.kubectl.apply(manifest);
  await share({ [agentName]: 1, [broken]: 1_000_000 });
  await until('the share of it', async () => JSON.stringify((await world.kubectl.get('tenant', name))?.status).includes(broken), {
    within: 10_000,
  });
  // Before edge has the new weights, nobody is refused anything either.
  const passedOver = async () =>
    (await metricsOf(world, 'edge')).map((text) => sumOf([text], 'cloister_edge_passed_over_total', { tenant: name, agent: broken }));
  const heard = new Set<string>();
  await until(
    'each replica to have met it',
    async () => {
      for (const agent of await askTimes(10)) heard.add(agent);
      return (await passedOver()).every((times) => times > 0);
    },
    { within: 10_000 },
  );
  const before = sum(await passedOver());
  for (let turn = 0; turn < 3; turn++) for (const agent of await askTimes(10)) heard.add(agent);
  expect(heard).toEqual(new Set([agentName]));
  expect(sum(await passedOver()) - before, 'one in a million aside').toBe(30);
});

test('usage tells the revisions apart, as the answers did', async () => {
  const requests = async () => {
    const { text } = await call(`${tenant.url}/v1/usage?group_by=agent`, { key: tenant.key });
    return Object.fromEntries(usage.parse(JSON.parse(text)).data.map((line) => [line.agent, line.requests]));
  };
  await expect.poll(requests, { timeout: 5_000 }).toEqual(Object.fromEntries(answered));
});
