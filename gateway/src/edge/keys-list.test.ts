import { parseApiKey } from '@cloister/identity';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { agentDouble, type AgentDouble } from './agent.double.ts';
import { agentsAt, edgeUnderTest, type EdgeUnderTest } from './edge.fixture.ts';
import { localUseStore } from './key-uses/local-use-store.ts';

const listed = z.object({ data: z.array(z.looseObject({ lastUsedAt: z.string().nullable() })) });
const useStore = localUseStore();
let agent: AgentDouble;
let edge: EdgeUnderTest;
beforeAll(async () => {
  agent = await agentDouble();
  edge = await edgeUnderTest({ useStore });
});
afterAll(async () => {
  await Promise.all([edge[Symbol.asyncDispose](), agent[Symbol.asyncDispose]()]);
});

const list = (key: string, tenant = 'acme', init: RequestInit = {}) =>
  fetch(`${edge.url}/api/v1/tenants/${tenant}/keys`, { headers: { 'x-api-key': key }, ...init });

test('who may administrate sees the keys of its tenant and when they were used, and nothing that opens a door', async () => {
  const key = edge.addTenant('acme', agentsAt(agent.url, 'support'), ['admin']);
  const [own] = edge.access.byTenant('acme')?.apiKeys ?? [];
  if (!own) throw new Error('acme has a key');
  const other = { ...own, id: '0123456789ab', name: 'website', scopes: ['chat' as const], expiresAt: '2030-01-01T00:00:00.000Z' };
  edge.setAccess('acme', { apiKeys: [own, other] });
  const before = Date.now();
  const answer = await list(key);
  const text = await answer.text();
  const { data } = listed.parse(JSON.parse(text));
  expect(data).toEqual([
    {
      id: parseApiKey(key)?.id,
      name: 'default',
      scopes: ['admin'],
      expiresAt: null,
      rateLimits: {},
      budget: {},
      issued: null,
      lastUsedAt: expect.any(String) as string,
    },
    {
      id: other.id,
      name: 'website',
      scopes: ['chat'],
      expiresAt: other.expiresAt,
      rateLimits: {},
      budget: {},
      issued: null,
      lastUsedAt: null,
    },
  ]);
  expect(Date.parse(data[0]?.lastUsedAt ?? '')).toBeGreaterThanOrEqual(before);
  expect(text).not.toContain(own.hash);
});

test.each([
  ['without the scope', 403, ['chat', 'settings'] as const, 'acme', {}],
  ['of another tenant', 404, ['admin'] as const, 'bravo', {}],
  ['by a method that it does not have', 404, ['admin'] as const, 'acme', { method: 'PUT' }],
])('%s there is no list: %i', async (_, status, scopes, tenant, init) => {
  const key = edge.addTenant('acme', agentsAt(agent.url, 'support'), scopes);
  edge.addTenant('bravo', agentsAt(agent.url, 'support'));
  expect((await list(key, tenant, init)).status).toBe(status);
  expect(agent.heard).toEqual([]);
});

test('no agent is asked for keys', async () => {
  const key = edge.addTenant('acme', agentsAt(agent.url, 'support'), ['admin', 'chat']);
  const answer = await fetch(`${edge.url}/agents/support/api/v1/tenants/acme/keys`, { headers: { 'x-api-key': key } });
  expect([answer.status, agent.heard]).toEqual([404, []]);
});

test('while uses cannot be read the list says so, instead of looking as if no key had been used', async () => {
  const key = edge.addTenant('acme', agentsAt(agent.url, 'support'), ['admin']);
  vi.spyOn(useStore, 'read').mockRejectedValueOnce(new Error('no connection'));
  const answer = await list(key);
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
  expect(await answer.json()).toMatchObject({ error: { code: 'uses_unavailable' } });
});
