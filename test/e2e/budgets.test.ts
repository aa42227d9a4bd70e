/** Budgets that run out, of a tenant, a key, a user and an agent, of a day and of a month: who is beside them goes on. */
import { namespaceOf } from '@cloister/tenancy';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { call, type Answer } from './support/http.ts';
import { conditionOf } from './support/kubectl.ts';
import { agentManifest, agentReady, agentName, createTenant, deleteTenant, tenantManifest, type LiveTenant } from './support/tenants.ts';
import { shareSecret, userToken } from './support/tokens.ts';
import { until } from './support/until.ts';
import { openWorld, type World } from './support/world.ts';

let world: World;
let poor: LiveTenant;
let ofKey: LiveTenant;
let ofUsers: LiveTenant;
let ofAgent: LiveTenant;
let ofMonth: Readonly<Record<'money' | 'tokens', LiveTenant>>;
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
/** Room for ten answers of a hundred words, each of which is a token, at ten micro-dollars. A day may not cost more money than the month, but tokens. */
const money = { monthly: { usd: 0.010_05 }, daily: { tokens: 100_000 } };
const tokens = { monthly: { tokens: 3_000 }, daily: { usd: 1 } };
const inAMonth = (name: string, budget: object) => ({
  name,
  spec: {
    models: { allow: ['e2e-monthly/*'] },
    budget: { timeZone: 'Europe/Oslo', ...budget },
    access: { apiKeys: [{ name: 'default', scopes: ['chat', 'usage'] }] },
  },
  agent: { model: 'e2e-monthly/m' },
});
const provider = {
  apiVersion: 'cloister.dev/v1alpha1',
  kind: 'ModelProvider',
  metadata: { name: 'e2e-monthly' },
  spec: {
    type: 'Offline',
    models: [{ name: 'm', contextWindow: 10_000, maxOutputTokens: 1_000, price: { inputPerMillion: 0, outputPerMillion: 10 } }],
    tenants: { names: ['budget-money', 'budget-tokens'] },
  },
};
const names = ['budget-tenant', 'budget-key', 'budget-users', 'budget-agent', 'budget-money', 'budget-tokens'];

beforeAll(async () => {
  world = await openWorld();
  await world.kubectl.apply(provider);
  const months = Promise.all([
    createTenant(world, inAMonth('budget-money', money)),
    createTenant(world, inAMonth('budget-tokens', tokens)),
  ]);
  [poor, ofKey, ofUsers, ofAgent] = await Promise.all([
    createTenant(world, ofOslo(little)),
    createTenant(world, ofAKey(little)),
    createTenant(world, { name: 'budget-users', spec: { budget: { perUser: little } } }),
    createTenant(world, frugal),
  ]);
  const [ofMoney, ofTokens] = await months;
  ofMonth = { money: ofMoney, tokens: ofTokens };
  await Promise.all([shareSecret(world, ofUsers), addAgent(ofAgent, 'lavish')]);
});
afterAll(async () => {
  await Promise.all(names.map((name) => deleteTenant(world, name)));
  await world.kubectl.run(['delete', 'modelprovider', 'e2e-monthly', '--ignore-not-found']);
});

async function addAgent(tenant: LiveTenant, name: string): Promise<void> {
  const manifest = { ...agentManifest({ name: tenant.name }), metadata: { name, namespace: namespaceOf(tenant.name) } };
  await world.kubectl.apply(manifest);
  await agentReady(world, name, tenant.namespace);
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

const tomorrow = () => inOslo.format(Date.now() + 86_400_000).slice(0, 10);
function nextMonth(): string {
  const [year = NaN, month = NaN] = inOslo.format(Date.now()).split('-').map(Number);
  return new Date(Date.UTC(year, month)).toISOString().slice(0, 10);
}

function expectRenewedInOslo({ text, headers }: Answer, budget: string, day: string): void {
  const told = new RegExp(`the ${budget} is spent; it renews at (\\S+Z)"`).exec(text)?.[1] ?? `no time in ${text}`;
  const renewsAt = new Date(told);
  expect(inOslo.format(renewsAt)).toBe(`${day} 00:00:00`);
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

  expectRenewedInOslo(await spend(poor), 'daily budget of tokens', tomorrow());
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

const ofWindow = z.object({ micro_usd: z.object({ spent: z.int() }), tokens: z.object({ spent: z.int() }) });
const usageAnswer = z.object({ budget: z.object({ daily: ofWindow, monthly: ofWindow }) });
const told = z.looseObject({ usd: z.number(), tokens: z.int(), percent: z.int() });
const inStatus = z.looseObject({ status: z.looseObject({ usage: z.looseObject({ daily: told, monthly: told }) }) });

describe('a month', () => {
  /** Of a hundred words each, one after the other, to the last that the budget has room for. */
  async function answersOf(tenant: LiveTenant): Promise<{ readonly tokens: number[]; readonly refused: Answer }> {
    const body = { model: agentName, max_tokens: 100, messages: [{ role: 'user', content: 'say 100 words' }] };
    for (const tokens: number[] = []; ;) {
      expect(tokens.length, 'answers without a refusal').toBeLessThan(40);
      const refused = await call(`${tenant.url}/v1/chat/completions`, { method: 'POST', key: tenant.key, body });
      if (refused.status !== 200) return { tokens, refused };
      tokens.push(answer.parse(JSON.parse(refused.text)).usage.total_tokens);
    }
  }
  const answer = z.object({ usage: z.object({ total_tokens: z.int() }) });
  const sum = (all: readonly number[]) => all.reduce((one, other) => one + other, 0);

  test('whose money is spent refuses until the next one begins, whatever is left of the day', async () => {
    const { tokens, refused } = await answersOf(ofMonth.money);
    expect(tokens).toHaveLength(10);
    expect([refused.status, JSON.parse(refused.text)]).toMatchObject([
      429,
      { error: { type: 'insufficient_quota', code: 'budget_exceeded' } },
    ]);
    expectRenewedInOslo(refused, 'monthly budget of money', nextMonth());
    expect(sum(tokens)).toBeLessThan(money.daily.tokens / 10);
  });

  test('whose tokens are used up refuses until the next one begins, whatever is left of the day, unless it has more', async () => {
    const { tokens: each, refused } = await answersOf(ofMonth.tokens);
    expect(sum(each)).toBeLessThanOrEqual(tokens.monthly.tokens);
    expect(tokens.monthly.tokens - sum(each), 'left').toBeLessThan(1_000);
    expect([refused.status, JSON.parse(refused.text)]).toMatchObject([
      429,
      { error: { type: 'insufficient_quota', code: 'budget_exceeded' } },
    ]);
    expectRenewedInOslo(refused, 'monthly budget of tokens', nextMonth());
    await world.kubectl.apply(tenantManifest(inAMonth('budget-tokens', { ...tokens, monthly: { tokens: 100_000 } })));
    await until('the raised budget to hold', () => goesOn(ofMonth.tokens), soon);
  });

  test('that is spent is told by the Tenant’s status as GET /v1/usage tells it, beside a day that is not', async () => {
    const { url, key, name } = ofMonth.money;
    const { daily, monthly } = usageAnswer.parse(JSON.parse((await call(`${url}/v1/usage`, { key })).text)).budget;
    expect(monthly.micro_usd.spent).toBe(10_000);
    const seen = async () => {
      const tenant = await world.kubectl.get('tenant', name);
      const usage = inStatus.safeParse(tenant).data?.status.usage;
      return usage?.monthly.usd === 0.01 ? { usage, condition: conditionOf(tenant, 'BudgetExceeded') } : undefined;
    };
    const { usage, condition } = await until('the usage in the status', seen, { within: 90_000, every: 500 });
    expect(usage).toMatchObject({
      daily: { usd: daily.micro_usd.spent / 1e6, tokens: daily.tokens.spent, percent: 1 },
      monthly: {
        startsOn: `${inOslo.format(Date.now()).slice(0, 7)}-01`,
        tokens: monthly.tokens.spent,
        percent: 100,
        alertedAtPercent: 100,
      },
    });
    expect(condition).toMatchObject({
      status: 'True',
      reason: 'BudgetSpent',
      message: expect.stringContaining('the monthly budget') as string,
    });
  });
});
