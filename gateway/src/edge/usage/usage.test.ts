/** Usage as a tenant asks for it at edge, answered by an egress that runs in this test. */
import { parseApiKey } from '@cloister/identity';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { egressUnderTest, type EgressUnderTest } from '../../egress/egress.fixture.ts';
import { agentDouble, type AgentDouble } from '../agent.double.ts';
import { agentsAt, edgeUnderTest, type EdgeUnderTest } from '../edge.fixture.ts';
import { askEgress } from './ask-egress.ts';

const folder = mkdtempSync(join(tmpdir(), 'edge-usage-'));
const tokenFile = join(folder, 'token');
let agent: AgentDouble;
let egress: EgressUnderTest;
let edge: EdgeUnderTest;
beforeAll(async () => {
  [agent, egress] = await Promise.all([agentDouble(), egressUnderTest()]);
  edge = await edgeUnderTest({ askUsage: askEgress(egress.url, tokenFile) });
  await renewToken();
}, 60_000);
afterAll(async () => {
  await Promise.all([edge[Symbol.asyncDispose](), egress[Symbol.asyncDispose](), agent[Symbol.asyncDispose]()]);
  rmSync(folder, { recursive: true });
});

const renewToken = async (expiresIn = '1h') =>
  writeFileSync(tokenFile, await egress.tokenOf('', { namespace: 'cloister-system', serviceAccount: 'edge', uid: 'sa-edge', expiresIn }));
const tenant = async (name: string, scopes: Parameters<EdgeUnderTest['addTenant']>[2] = ['usage']) => {
  await egress.addTenant(name);
  return edge.addTenant(name, agentsAt(agent.url, 'support'), scopes);
};
const get = (key: string, target = '/v1/usage', init: RequestInit = {}) =>
  fetch(`${edge.url}${target}`, { headers: { 'x-api-key': key }, ...init });

test('a tenant reads its own usage, and asks as it likes', async () => {
  const key = await tenant('acme');
  await egress.sql.query(
    `insert into cloister_egress.usage (tenant_uid, tenant, day, model, agent, requests, input_tokens, output_tokens, micro_usd)
     values ('uid-acme', 'acme', '2026-03-01', 'p/m', 'support', 1, 2, 3, 4)`,
    [],
  );
  const answer = await get(key, '/v1/usage?from=2026-03-01&to=2026-03-01&group_by=model');
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
  expect(await answer.json()).toMatchObject({
    object: 'usage',
    data: [{ model: 'p/m', requests: 1, input_tokens: 2, output_tokens: 3, micro_usd: 4 }],
    budget: { daily: { micro_usd: { limit: null } } },
  });
  expect(await (await get(await tenant('bravo'), '/v1/usage?from=2026-03-01&to=2026-03-01')).json()).toMatchObject({ data: [] });
  expect(agent.heard).toEqual([]);
});

test('a tenant reads what is left of the budget of one of its API keys, which edge knows and egress does not', async () => {
  const own = await tenant('keyed');
  const id = parseApiKey(own)?.id ?? '';
  const known = edge.access.byTenant('keyed')?.apiKeys ?? [];
  edge.setAccess('keyed', { apiKeys: known.map((key) => ({ ...key, budget: { daily: { usd: 2 } } })) });
  expect(await (await get(own, `/v1/usage?key=${id}`)).json()).toMatchObject({
    data: [],
    caller_budget: { daily: { micro_usd: { limit: 2_000_000, remaining: 2_000_000 } } },
  });
  const forged = { headers: { 'x-api-key': own, 'x-cloister-budget': '{"daily":{"usd":9}}' } };
  expect(await (await get(own, `/v1/usage?key=${'0'.repeat(12)}`, forged)).json()).toMatchObject({
    caller_budget: { daily: { micro_usd: { limit: null } } },
  });
});

test('a question that is of no use is refused with the reason', async () => {
  const answer = await get(await tenant('acme'), '/v1/usage?from=yesterday');
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ error: { code: 'invalid_request', param: 'from' } });
});

test.each([
  ['without the scope', 403, ['chat', 'settings', 'admin'] as const, '/v1/usage', {}],
  ['of one agent', 404, ['usage', 'chat'] as const, '/agents/support/v1/usage', {}],
  ['by any method but GET', 404, ['usage', 'chat'] as const, '/v1/usage', { method: 'POST' }],
])('%s there is none: %i', async (_, status, scopes, target, init) => {
  expect((await get(await tenant('acme', scopes), target, init)).status).toBe(status);
  expect(agent.heard).toEqual([]);
});

test('a token that the kubelet has renewed is used at once', async () => {
  const key = await tenant('acme');
  await renewToken('-1h');
  const refused = await get(key);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
  expect(await refused.json()).toMatchObject({ error: { code: 'usage_unavailable' } });
  await renewToken();
  expect((await get(key)).status).toBe(200);
});

test('egress that cannot be reached is no tenant without usage', async () => {
  await using alone = await edgeUnderTest({ askUsage: askEgress('http://127.0.0.1:1', tokenFile) });
  const key = alone.addTenant('acme', {}, ['usage']);
  const answer = await fetch(`${alone.url}/v1/usage`, { headers: { 'x-api-key': key } });
  expect([answer.status, await answer.json()]).toMatchObject([503, { error: { code: 'usage_unavailable' } }]);
});
