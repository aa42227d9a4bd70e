/** Chat completions that are shared out among several agents, over HTTP. How shares are counted: share.test.ts. */
import { decodeJwt } from 'jose';
import type { TenantPolicy } from '@cloister/tenancy';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentDouble, type AgentDouble } from './agent.double.ts';
import { edgeUnderTest, type EdgeUnderTest } from './edge.fixture.ts';

const saying = (name: string) => agentDouble((response) => response.writeHead(200, { 'x-cloister-agent': 'somebody' }).end(name));
let agents: Readonly<Record<'support' | 'next' | 'sales', AgentDouble>>;
let edge: EdgeUnderTest;
let key: string;
beforeAll(async () => {
  agents = { support: await saying('support'), next: await saying('next'), sales: await saying('sales') };
  edge = await edgeUnderTest();
});
afterAll(() => Promise.all([edge, ...Object.values(agents)].map((server) => server[Symbol.asyncDispose]())));

type Weights = Readonly<Record<string, number>>;
const split = (name: string, weights: Weights) => ({
  name,
  agents: Object.entries(weights).map(([agent, weight]) => ({ name: agent, weight })),
});
const running = (): TenantPolicy['agents'] => Object.entries(agents).map(([name, { url }]) => ({ name, url }));
/** Tenant acme, of whom the agent `support` is the default. */
const given = (trafficSplits: TenantPolicy['trafficSplits'], changes: Partial<TenantPolicy> = {}) => {
  key = edge.addTenant('acme', { agents: running(), defaultAgent: 'support', trafficSplits, ...changes });
};

interface Asked {
  readonly path?: string;
  readonly model?: string;
  readonly session?: string;
}

async function ask({ path = '/v1/chat/completions', model, session }: Asked = {}) {
  const headers = { authorization: `Bearer ${key}`, ...(session !== undefined && { 'x-cloister-session': session }) };
  const answer = await fetch(`${edge.url}${path}`, { method: 'POST', headers, body: JSON.stringify({ model }) });
  return { status: answer.status, by: answer.headers.get('x-cloister-agent'), text: await answer.text() };
}
const askTimes = (times: number, asked: Asked = {}) => Promise.all(Array.from({ length: times }, () => ask(asked)));
const count = (answers: readonly { readonly text: string }[], name: string) => answers.filter(({ text }) => text === name).length;

test('about as many requests as its weight says go to the next revision, and each answer tells who gave it', async () => {
  given([split('support', { support: 3, next: 1 })]);
  const answers = await askTimes(120, { model: 'support' });
  // Five standard deviations of 120 times 1 in 4.
  expect(Math.abs(count(answers, 'next') - 30)).toBeLessThan(24);
  expect(count(answers, 'next') + count(answers, 'support')).toBe(120);
  for (const { by, text } of answers) expect(by).toBe(text);
});

describe('shared out are', () => {
  test.each<[string, Asked, string]>([
    ['chat completions for the name', { model: 'support' }, 'next'],
    ['those that name nothing, where the default agent has the name', {}, 'next'],
    ['those that name a model nobody knows, for the same reason', { model: 'openai/gpt-5' }, 'next'],
    ['not those whose path names an agent', { path: '/agents/support/v1/chat/completions', model: 'support' }, 'support'],
    ['not those whose query names one', { path: '/v1/chat/completions?agent=support', model: 'support' }, 'support'],
    ['not those for an agent of another name', { model: 'sales' }, 'sales'],
    ['not requests by which an agent is to remember something', { path: '/api/v1/tenants/acme/chat', model: 'support' }, 'support'],
    ['not other requests', { path: '/v1/responses', model: 'support' }, 'support'],
  ])('%s', async (_, asked, expected) => {
    given([split('support', { support: 0, next: 1 })]);
    expect(await ask(asked)).toEqual({ status: 200, by: expected, text: expected });
  });

  test('chat completions for a name that is no agent’s', async () => {
    given([split('front-desk', { sales: 1, next: 0 })]);
    expect(await ask({ model: 'front-desk' })).toMatchObject({ text: 'sales' });
    expect(await ask({ path: '/agents/front-desk/v1/chat/completions' })).toMatchObject({ status: 404 });
    const list = await fetch(`${edge.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
    expect(await list.json()).toMatchObject({ data: [{ id: 'support' }, { id: 'next' }, { id: 'sales' }, { id: 'front-desk' }] });
    const one = await fetch(`${edge.url}/v1/models/front-desk`, { headers: { authorization: `Bearer ${key}` } });
    expect(await one.json()).toMatchObject({ id: 'front-desk', object: 'model' });
  });

  test('those of a tenant with one agent, which weight 0 keeps from them', async () => {
    given([split('support', { support: 0, next: 1 })], { agents: running().filter(({ name }) => name === 'support') });
    const answer = await ask({ model: 'support' });
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([503, { error: { code: 'split_without_agent' } }]);
    expect(answer.text).toContain('\\"support\\"');
  });
});

test('an agent is asked by its own name, and by the model’s where a model is named', async () => {
  given([split('support', { support: 0, next: 1 })]);
  await ask({ model: 'support' });
  await ask({ model: 'openai/gpt-5' });
  expect(agents.next.heard.slice(-2).map(({ body }) => body)).toEqual(['{"model":"next"}', '{"model":"openai/gpt-5"}']);
  given([split('support', { next: 1 })], { agents: running().filter(({ name }) => name === 'next'), defaultAgent: 'next' });
  await ask({ model: 'support' });
  expect(agents.next.heard.at(-1)?.body, 'where it is the only one left').toBe('{"model":"next"}');
});

test.each<[string, string, number, string]>([
  ['says "model" again and again', `{${'"model":"a",'.repeat(50_000)}"a":1}`, 400, 'more than twice'],
  ['is as large as it may be and would grow', `{"model":"a","x":"${'x'.repeat(1024 * 1024 - 20)}"}`, 413, 'request_too_large'],
])('a body that %s reaches no agent', async (_, body, status, says) => {
  given([split('a', { support: 0, next: 1 })]);
  const heard = agents.next.heard.length;
  const answer = await fetch(`${edge.url}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${key}` }, body });
  expect([answer.status, await answer.text()]).toEqual([status, expect.stringContaining(says)]);
  expect(agents.next.heard).toHaveLength(heard);
});

test('a session stays with one agent, and sessions are spread', async () => {
  given([split('support', { support: 1, next: 1 })]);
  const sessions = Array.from({ length: 20 }, (_, at) => `conversation-${at}`);
  const first = await Promise.all(sessions.map((session) => ask({ session })));
  const again = await Promise.all(sessions.map((session) => ask({ session, model: 'support' })));
  expect(again).toEqual(first);
  expect(new Set(first.map(({ text }) => text))).toEqual(new Set(['support', 'next']));
  expect(agents.next.heard.at(-1)?.headers).not.toHaveProperty('x-cloister-session');
});

test('new weights are in force for the next request', async () => {
  given([split('support', { support: 1, next: 0 })]);
  expect(count(await askTimes(10), 'support')).toBe(10);
  const policy = edge.policies.byTenant('acme');
  if (policy) edge.policies.put('tenant-acme', { ...policy, trafficSplits: [split('support', { support: 0, next: 1 })] });
  expect(count(await askTimes(10), 'next')).toBe(10);
});

test('who answers is who is vouched for at egress, counted and logged', async () => {
  given([split('support', { support: 0, next: 1 })]);
  await ask();
  expect(decodeJwt(String(agents.next.heard.at(-1)?.headers['x-cloister-voucher']))).toMatchObject({ agent: 'next' });
  await expect.poll(() => edge.lines.at(-1)).toMatch(/"split":"support","agent":"next"/);
  expect(await edge.registry.metrics()).toMatch(/cloister_edge_requests_total\{tenant="acme",agent="next",status="200"\} [1-9]/);
});

describe('the others answer in the place of an agent that', () => {
  const nowhere = 'http://127.0.0.1:1';
  test.each<[string, () => TenantPolicy['agents']]>([
    ['is not there', () => running().filter(({ name }) => name !== 'next')],
    ['is scaled to zero', () => running().map((agent) => (agent.name === 'next' ? { ...agent, scaledToZero: true as const } : agent))],
    ['cannot be reached', () => running().map((agent) => (agent.name === 'next' ? { ...agent, url: nowhere } : agent))],
  ])('%s, from the first request on', async (_, having) => {
    given([split('support', { support: 1, next: 1_000_000 })], { agents: having() });
    expect(count(await askTimes(20), 'support')).toBe(20);
  });

  test('cannot be reached, which is logged and counted; with nobody else it is the caller’s to know', async () => {
    const lost = [{ name: 'next', url: nowhere }];
    given([split('support', { support: 1, next: 1_000_000 })], { agents: [...running().filter(({ name }) => name !== 'next'), ...lost] });
    await ask();
    await expect.poll(() => edge.lines.at(-1)).toMatch(/"agent":"support".*"passedOver":"next"/);
    expect(await edge.registry.metrics()).toMatch(/cloister_edge_passed_over_total\{tenant="acme",agent="next"\} [1-9]/);
    given([split('support', { next: 1 })], { agents: [...running().filter(({ name }) => name !== 'next'), ...lost] });
    expect(await ask()).toMatchObject({ status: 503, by: null, text: expect.stringContaining('agent_unavailable') as string });
  });

  test('has heard the request and hung up: not, since it may have been answered', async () => {
    await using rude = await agentDouble((response) => response.destroy());
    const heard = agents.support.heard.length;
    given([split('support', { support: 1, next: 1_000_000 })], {
      agents: running().map((agent) => (agent.name === 'next' ? { ...agent, url: rude.url } : agent)),
    });
    expect(await ask()).toMatchObject({ status: 502 });
    expect([rude.heard.length, agents.support.heard.length]).toEqual([1, heard]);
  });
});
