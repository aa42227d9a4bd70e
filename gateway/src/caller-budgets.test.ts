/** Budgets of API keys and users, from the request that comes in at edge to the call of a model that goes out of egress. */
import { callerSigner, createApiKey, generateIdentityKeys, hashApiKey, parseApiKey } from '@cloister/identity';
import { budgetHeader, edgeIssuer, edgeKeys, voucherHeader, type BudgetWindows, type TenantPolicy } from '@cloister/tenancy';
import { SignJWT } from 'jose';
import { hash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { agentDouble, type AgentDouble } from './edge/agent.double.ts';
import { agentsAt, edgeUnderTest, type EdgeUnderTest } from './edge/edge.fixture.ts';
import { ask, egressUnderTest, type EgressUnderTest } from './egress/egress.fixture.ts';
import { completion, providerDouble, type ProviderDouble } from './egress/providers/provider.double.ts';
import { voucherSigner } from './voucher/sign-voucher.ts';
import { voucherVerifier } from './voucher/verify-voucher.ts';

const secret = 'a secret that a tenant shares with us';
const models = ['openai/m1'];
/** The first calls wait for a Postgres that reads its functions for the first time. */
const slow = { timeout: 30_000 };
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

test('the budget of an API key holds beside that of its tenant, and another key goes on', slow, async () => {
  const [limited = '', free = ''] = await addTenant('acme', [{ daily: { usd: 0.003 } }, undefined]);
  expect(await admitted('acme', limited, 6)).toBe(3);
  const refusal = await chat('acme', limited);
  expect(refusal.status).toBe(429);
  expect(await errorOf(refusal)).toMatchObject({
    code: 'budget_exceeded',
    message: expect.stringMatching(
      new RegExp(`^the daily budget of money of API key "${idOf(limited)}" is spent; it renews at `),
    ) as string,
  });
  expect(await admitted('acme', free, 2)).toBe(2);
  await vi.waitFor(async () => {
    expect(await spentBy(`uid-acme/key:${idOf(limited)}`)).toBe(3 * 700);
    expect(await spentBy(`uid-acme/key:${idOf(free)}`)).toBe(2 * 700);
    expect(await spentBy('uid-acme')).toBe(5 * 700);
  }, 5_000);
});

test('each user of a JWT has the budget of a user, and the ledger knows users by a digest alone', slow, async () => {
  await addTenant('bravo', [], { budget: { timeZone: 'UTC', perUser: { daily: { usd: 0.003 } } } });
  const [ada, bob] = [await userToken('bravo', 'ada'), await userToken('bravo', 'bob')];
  expect([await admitted('bravo', ada, 5), await admitted('bravo', bob, 5)]).toEqual([3, 3]);
  expect(await errorOf(await chat('bravo', ada))).toMatchObject({
    message: expect.stringMatching(/^the daily budget of money of this user is spent; it renews at /) as string,
  });
  const accounts = await egress.sql.query(
    "select tenant_uid from cloister_egress.budget_window where tenant_uid like 'uid-bravo/user:%'",
    [],
  );
  expect(JSON.stringify(accounts)).toMatch(/user:[0-9a-f]{32}/);
  expect(JSON.stringify(accounts)).not.toMatch(/ada|bob/);
});

test('a budget that is raised or lowered is in force for the next request, and what was spent before counts', slow, async () => {
  const [key = ''] = await addTenant('raised', [undefined]);
  const set = (usd: number) =>
    edge.setAccess('raised', {
      apiKeys: [{ id: idOf(key), name: 'website', hash: hashApiKey(key), scopes: ['chat'], budget: { daily: { usd } } }],
    });
  expect(await admitted('raised', key, 3)).toBe(3);
  await vi.waitFor(async () => expect(await spentBy('uid-raised')).toBe(2_100), 5_000);
  set(0.003);
  expect((await chat('raised', key)).status).toBe(429);
  set(0.01);
  expect((await chat('raised', key)).status).toBe(200);
});

test('a key that was issued with a budget is held to it, and so is one that it issues itself', async () => {
  await addTenant('issuing', []);
  const admin = new SignJWT({ tenant_id: 'issuing', role: 'owner' }).setProtectedHeader({ alg: 'HS256' }).setSubject('ada');
  const roles = { claim: 'role', values: [{ value: 'owner', scopes: ['chat' as const, 'admin' as const] }] };
  edge.setAccess('issuing', { hs256: { secret, scopes: [], roles } });
  const issue = async (credential: string, wish: object) => {
    const answer = await fetch(`${edge.url}/api/v1/tenants/issuing/keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${credential}` },
      body: JSON.stringify({ name: 'issued', ...wish }),
    });
    return z.object({ key: z.string(), budget: z.looseObject({}) }).parse(await answer.json());
  };
  const budget = { daily: { usd: 0.003 } };
  const bearer = await admin.setExpirationTime('1h').sign(new TextEncoder().encode(secret));
  const parent = await issue(bearer, { scopes: ['chat', 'admin'], budget });
  const child = await issue(parent.key, { scopes: ['chat'] });
  expect([parent.budget, child.budget]).toEqual([budget, budget]);
  for (const { key } of [parent, child]) expect(await admitted('issuing', key, 5)).toBe(3);
});

describe('a pod', () => {
  const refusedWith = async (tenant: string, key: string) => {
    const before = provider.asked.length;
    const answer = await chat(tenant, key);
    expect(provider.asked.length).toBe(before);
    return [answer.status, (await errorOf(answer)).code];
  };

  test('cannot bill a caller of another tenant, another agent, or a former tenant of its name', async () => {
    const [key = ''] = await addTenant('pods', [undefined]);
    const sign = await voucherSigner(edge.identity.privateKey);
    const caller = 'key:0123456789ab';
    for (const changes of [{ tenantUid: 'uid-acme' }, { agent: 'other' }, { tenantUid: 'pods' }]) {
      passedOn = () => forged;
      const forged = await sign({ tenantUid: 'uid-pods', agent: 'support', caller, ...changes });
      expect(await refusedWith('pods', key)).toEqual([403, 'voucher_invalid']);
    }
  });

  test('cannot make up a voucher, change one, or use a caller token as one', async () => {
    const [key = ''] = await addTenant('forgers', [{ daily: { usd: 0.003 } }]);
    const sign = await voucherSigner((await generateIdentityKeys()).privateKey);
    const forged = await sign({ tenantUid: 'uid-forgers', agent: 'support', caller: 'key:0123456789ab' });
    const token = await (
      await callerSigner(edge.identity.privateKey, edgeIssuer)
    )({ tenant: 'forgers', subject: 'key:0123456789ab', scopes: ['chat'] }, 'agent:forgers');
    const altered = (told: string | undefined) => {
      const [header = '', claims = '', signature = ''] = told?.split('.') ?? [];
      const said = z.looseObject({}).parse(JSON.parse(Buffer.from(claims, 'base64url').toString()));
      return [header, Buffer.from(JSON.stringify({ ...said, budget: {} })).toString('base64url'), signature].join('.');
    };
    for (const lie of [() => forged, () => token, altered, () => 'x', () => 'x'.repeat(5_000)]) {
      passedOn = lie;
      expect(await refusedWith('forgers', key)).toEqual([403, 'voucher_invalid']);
    }
  });

  test('that says nothing of callers, as for work of its own, is billed to its tenant and itself', async () => {
    const [key = ''] = await addTenant('silent', [{ daily: { usd: 0 } }]);
    passedOn = () => undefined;
    expect(await admitted('silent', key, 1)).toBe(1);
    await vi.waitFor(async () => expect(await spentBy('uid-silent/support')).toBe(700), 5_000);
    expect(await spentBy(`uid-silent/key:${idOf(key)}`)).toBeUndefined();
  });
});

describe('what a tenant reads of its usage', () => {
  const token = () => egress.tokenOf('', { namespace: 'cloister-system', serviceAccount: 'edge', uid: 'sa-edge' });
  const read = async (tenant: string, query: string, headers: Record<string, string> = {}) => {
    const url = `${egress.url}/internal/tenants/${tenant}/uid-${tenant}/usage${query}`;
    const answer = await fetch(url, { headers: { authorization: `Bearer ${await token()}`, ...headers } });
    return [answer.status, await answer.json()] as const;
  };
  const digestOf = (user: string) => hash('sha256', `user:hs256|${user}`, 'hex').slice(0, 32);
  let keys: string[];
  beforeAll(async () => {
    passedOn = (told) => told;
    keys = await addTenant('readers', [undefined, undefined], { budget: { timeZone: 'UTC', perUser: { daily: { usd: 1 } } } });
    expect(await admitted('readers', keys[0] ?? '', 2)).toBe(2);
    expect(await admitted('readers', keys[1] ?? '', 1)).toBe(1);
    expect(await admitted('readers', await userToken('readers', 'ada'), 1)).toBe(1);
    passedOn = () => undefined;
    expect(await admitted('readers', keys[0] ?? '', 1)).toBe(1);
    await vi.waitFor(async () => expect(await spentBy('uid-readers')).toBe(5 * 700), 5_000);
  });

  test('is told apart by key and user, and sums to what it is in all', async () => {
    const [one = '', other = ''] = keys.map(idOf);
    const [, report] = await read('readers', '?group_by=key,user');
    expect(report).toMatchObject({ total: { requests: 5, micro_usd: 5 * 700 } });
    const lines = z.object({ data: z.array(z.object({ key: z.string(), user: z.string(), micro_usd: z.number() })) }).parse(report).data;
    const expected = [
      { key: '', user: '', micro_usd: 700 },
      { key: '', user: digestOf('ada'), micro_usd: 700 },
      { key: one, user: '', micro_usd: 1_400 },
      { key: other, user: '', micro_usd: 700 },
    ];
    expect(lines).toHaveLength(4);
    expect(lines).toEqual(expect.arrayContaining(expected));
  });

  test('is told of one key alone, with what is left of its budget, which edge names', async () => {
    const [one = ''] = keys.map(idOf);
    expect(await read('readers', `?key=${one}&group_by=model`, { [budgetHeader]: '{"daily":{"usd":0.01}}' })).toMatchObject([
      200,
      {
        data: [{ model: 'openai/m1', requests: 2, micro_usd: 1_400 }],
        caller_budget: { daily: { micro_usd: { limit: 10_000, spent: 1_400, remaining: 8_600 }, tokens: { limit: null } } },
        agent_budgets: [],
      },
    ]);
  });

  test('is told of one user alone, by the digest of its subject', async () => {
    expect(await read('readers', `?user=${digestOf('ada')}`)).toMatchObject([
      200,
      { total: { requests: 1 }, caller_budget: { daily: { micro_usd: { limit: 1_000_000, spent: 700 } } } },
    ]);
    expect(await read('readers', `?user=${digestOf('nobody')}`)).toMatchObject([200, { data: [], total: { requests: 0 } }]);
  });

  test.each([
    ['key', '?key=1'],
    ['user', '?user=ada'],
    ['user', `?key=${'0'.repeat(12)}&user=${'0'.repeat(32)}`],
  ])('is not told where "%s" is of no use', async (param, query) => {
    expect(await read('readers', query)).toMatchObject([400, { error: { code: 'invalid_request', param } }]);
  });
});

test('a caller cannot say on whose behalf it calls', async () => {
  const [key = ''] = await addTenant('liars', [undefined]);
  await fetch(`${edge.url}/v1/chat/completions?tenant=liars`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', [voucherHeader]: 'mine' },
    body: '{"model": "support", "messages": []}',
  });
  expect(agent.heard.at(-1)?.headers[voucherHeader]).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
});
