/** Budgets of API keys and users, from the request that comes in at edge to the call of a model that goes out of egress. */
import { createApiKey, hashApiKey, parseApiKey } from '@cloister/identity';
import { edgeKeys, voucherHeader, type BudgetWindows, type TenantPolicy } from '@cloister/tenancy';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { agentDouble, type AgentDouble } from './edge/agent.double.ts';
import { agentsAt, edgeUnderTest, type EdgeUnderTest } from './edge/edge.fixture.ts';
import { ask, egressUnderTest, type EgressUnderTest } from './egress/egress.fixture.ts';
import { completion, providerDouble, type ProviderDouble } from './egress/providers/provider.double.ts';
import { voucherVerifier } from './voucher/verify-voucher.ts';

const secret = 'a secret that a tenant shares with us';
const models = ['openai/m1'];
let edge: EdgeUnderTest;
let egress: EgressUnderTest;
let provider: ProviderDouble;
let agent: AgentDouble;
/** What the agent's pod says of callers; what it was told, unless a test makes it lie. */
let passedOn: (told: string | undefined) => string | undefined;

beforeAll(async () => {
  edge = await edgeUnderTest();
  egress = await egressUnderTest({ verifyVoucher: voucherVerifier(edgeKeys.parse(edge.identity.jwks)) });
  provider = await providerDouble();
  provider.answer = completion('x', 100, 300); // 700 micro-dollars
  egress.credentials.put('openai-key', { key: 'sk' });
  egress.addProvider('openai', { type: 'OpenAI', baseURL: provider.baseURL, credentials: { secretName: 'openai-key', key: 'key' } });
  agent = await agentDouble((response, { url, headers }) => {
    const told = passedOn(headers[voucherHeader]?.toString());
    const call = async () => {
      const token = await egress.tokenOf(/tenant=(\w+)/.exec(url)?.[1] ?? '');
      const answer = await fetch(
        `${egress.url}/v1/chat/completions`,
        ask(token, { model: 'openai/m1', max_tokens: 400 }, told === undefined ? {} : { [voucherHeader]: told }),
      );
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
    };
    call().catch(() => response.destroy());
  });
}, 60_000);
afterAll(async () => {
  await Promise.all([edge, egress, provider, agent].map((part) => part[Symbol.asyncDispose]()));
});
beforeEach(() => {
  passedOn = (told) => told;
});

/** A tenant with one key for each budget, in both directories. Gives the keys. */
function addTenant(name: string, budgets: readonly (BudgetWindows | undefined)[], policy: Partial<TenantPolicy> = {}): Promise<string[]> {
  const keys = budgets.map((budget) => ({ key: createApiKey(name), budget }));
  edge.addTenant(name, { ...agentsAt(agent.url, 'support'), ...policy });
  edge.setAccess(name, {
    apiKeys: keys.map(({ key, budget }) => ({ id: idOf(key), name: 'website', hash: hashApiKey(key), scopes: ['chat'], budget })),
    hs256: { secret, scopes: ['chat'] },
  });
  return egress.addTenant(name, { models, ...policy }).then(() => keys.map(({ key }) => key));
}
const idOf = (key: string) => parseApiKey(key)?.id ?? '';
const userToken = (tenant: string, user: string) =>
  new SignJWT({ tenant_id: tenant })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret));

const chat = (tenant: string, credential: string) =>
  fetch(`${edge.url}/v1/chat/completions?tenant=${tenant}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'support', messages: [{ role: 'user', content: 'Hi' }] }),
  });
const errorBody = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
const errorOf = async (answer: Response) => errorBody.parse(await answer.json()).error;
async function admitted(tenant: string, credential: string, calls: number): Promise<number> {
  let count = 0;
  for (let turn = 0; turn < calls; turn++) if ((await chat(tenant, credential)).status === 200) count++;
  return count;
}
const spentBy = async (account: string) =>
  z
    .array(z.object({ spent: z.number() }))
    .parse(
      await egress.sql.query(
        "select settled_micro_usd::int as spent from cloister_egress.budget_window where tenant_uid = $1 and kind = 'daily'",
        [account],
      ),
    )[0]?.spent;

test('the budget of an API key holds beside that of its tenant, and another key goes on', async () => {
  const [limited = '', free = ''] = await addTenant('acme', [{ daily: { usd: 0.003 } }, undefined]);
  expect(await admitted('acme', limited, 6)).toBe(3);
  const refusal = await chat('acme', limited);
  expect(refusal.status).toBe(429);
  expect(await errorOf(refusal)).toMatchObject({
    code: 'budget_exceeded',
    message: expect.stringMatching(new RegExp(`^the daily budget of money of API key "${idOf(limited)}" is spent; it renews at `)),
  });
  expect(await admitted('acme', free, 2)).toBe(2);
  await vi.waitFor(async () => {
    expect(await spentBy(`uid-acme/key:${idOf(limited)}`)).toBe(3 * 700);
    expect(await spentBy(`uid-acme/key:${idOf(free)}`)).toBe(2 * 700);
    expect(await spentBy('uid-acme')).toBe(5 * 700);
  }, 5_000);
});
