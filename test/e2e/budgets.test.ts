/** Budgets that run out, of a tenant, a key, a user and an agent: who is beside them goes on. */
import { namespaceOf } from '@cloister/tenancy';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call, type Answer } from './support/http.ts';
import { agentManifest, agentName, createTenant, deleteTenant, isReady, tenantManifest, type LiveTenant } from './support/tenants.ts';
import { shareSecret, userToken } from './support/tokens.ts';
import { until } from './support/until.ts';
import { openWorld, type World } from './support/world.ts';

let world: World;
let poor: LiveTenant;
let ofKey: LiveTenant;
let ofUsers: LiveTenant;
let ofAgent: LiveTenant;
const little = { daily: { tokens: 3_000 } };
const plenty = { daily: { tokens: 100_000 } };
const ofOslo = (budget: object) => ({ name: 'budget-tenant', spec: { budget: { timeZone: 'Europe/Oslo', ...budget } } });
const ofAKey = (budget: object) => ({
  name: 'budget-key',
  spec: {
    access: {
      apiKeys: [
        { name: 'default', scopes: ['chat'], budget },
        { name: 'other', scopes: ['chat'] },
      ],
    },
  },
});
const frugal = { name: 'budget-agent', agent: { budget: little } };

beforeAll(async () => {
  world = await openWorld();
  [poor, ofKey, ofUsers, ofAgent] = await Promise.all([
    createTenant(world, ofOslo(little)),
    createTenant(world, ofAKey(little)),
    createTenant(world, { name: 'budget-users', spec: { budget: { perUser: little } } }),
    createTenant(world, frugal),
  ]);
  await Promise.all([shareSecret(world, ofUsers), addAgent(ofAgent, 'lavish')]);
});
afterAll(async () => {
  await Promise.all(['budget-tenant', 'budget-key', 'budget-users', 'budget-agent'].map((name) => deleteTenant(world, name)));
});

async function addAgent(tenant: LiveTenant, name: string): Promise<void> {
  const manifest = { ...agentManifest({ name: tenant.name }), metadata: { name, namespace: namespaceOf(tenant.name) } };
  await world.kubectl.apply(manifest);
  await until(`agent ${name}`, async () => isReady(await world.kubectl.get('agentconfig', name, tenant.namespace)), { within: 90_000 });
}

interface Asking {
  readonly key?: string;
  readonly model?: string;
}

const ask = ({ url, key: own }: LiveTenant, content: string, { key = own, model = agentName }: Asking = {}) =>
  call(`${url}/v1/chat/completions`, { method: 'POST', key, body: { model, max_tokens: 300, messages: [{ role: 'user', content }] } });

/** Asks until the budget is spent, and gives the refusal. */
async function spend(tenant: LiveTenant, asking: Asking = {}): Promise<Answer> {
  const refusal = async () => {
    const answer = await ask(tenant, 'say 200 words', asking);
    return answer.status === 200 ? undefined : answer;
  };
  const refused = await until('the refusal', refusal, { within: 30_000 });
  expect(refused.status, refused.text).toBe(429);
  expect(JSON.parse(refused.text)).toMatchObject({ error: { type: 'insufficient_quota', code: 'budget_exceeded' } });
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  return refused;
}

const inOslo = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/Oslo', dateStyle: 'short', timeStyle: 'medium' });

function expectRenewedAtMidnightInOslo({ text, headers }: Answer): void {
  const told = /the daily budget of tokens is spent; it renews at (\S+Z)"/.exec(text)?.[1] ?? `no time in ${text}`;
  const renewsAt = new Date(told);
  const tomorrow = inOslo.format(Date.now() + 86_400_000).slice(0, 10);
  expect(inOslo.format(renewsAt)).toBe(`${tomorrow} 00:00:00`);
  expect(Math.abs(Number(headers['retry-after']) - (renewsAt.getTime() - Date.now()) / 1000), 'retry-after').toBeLessThan(30);
}

const goesOn = async (tenant: LiveTenant, asking: Asking = {}) => (await ask(tenant, 'hello', asking)).status === 200;
const soon = { within: 10_000, every: 200 };

test('a spent budget refuses, tells when it renews, and stops nobody else', async () => {
  // Twenty at once: a budget that is only counted afterwards would let them all through.
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(poor, 'say 200 words')));
  const spent = answers
    .filter(({ status }) => status === 200)
    .map(({ text }) => (JSON.parse(text) as { usage: { total_tokens: number } }).usage.total_tokens)
    .reduce((sum, tokens) => sum + tokens, 0);
  expect(spent).toBeGreaterThan(0);
  expect(spent).toBeLessThanOrEqual(little.daily.tokens);

  expectRenewedAtMidnightInOslo(await spend(poor));
  expect(await goesOn(ofAgent, { model: 'lavish' })).toBe(true);
  await world.kubectl.apply(tenantManifest(ofOslo(plenty)));
  await until('the raised budget to hold', () => goesOn(poor), soon);
});

test('a key that has spent its budget is refused although its tenant has none, until it has a larger one', async () => {
  expect((await spend(ofKey)).text).toMatch(/of API key/);
  await world.kubectl.apply(tenantManifest(ofAKey(plenty)));
  await until('the raised budget to hold', () => goesOn(ofKey), soon);
});

test('a user that has spent what each may is refused, by every token; others of the tenant, and its keys, go on', async () => {
  const as = (sub: string) => ({ key: userToken(ofUsers.name, sub) });
  expect((await spend(ofUsers, as('ada'))).text).toMatch(/of this user/);
  expect(await goesOn(ofUsers, { key: userToken(ofUsers.name, 'ada', { session: 'another' }) })).toBe(false);
  expect(await Promise.all([goesOn(ofUsers, as('bob')), goesOn(ofUsers)])).toEqual([true, true]);
});

test('an agent that has spent its budget is refused, until it has a larger one; another of the tenant goes on', async () => {
  expect((await spend(ofAgent)).text).toContain(`of agent \\"${agentName}\\"`);
  expect([await goesOn(ofAgent), await goesOn(ofAgent, { model: 'lavish' })]).toEqual([false, true]);
  await world.kubectl.apply(agentManifest({ ...frugal, agent: { budget: plenty } }));
  await until('the raised budget to hold', () => goesOn(ofAgent), soon);
});
