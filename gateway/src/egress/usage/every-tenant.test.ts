/** What the operator reads of all tenants, from calls that were made, and who else may not. */
import { tenantsUsage, tenantsUsagePath } from '@cloister/tenancy';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { ask, egressUnderTest, model, type EgressUnderTest, type TokenChanges } from '../egress.fixture.ts';

const operator = { namespace: 'cloister-system', serviceAccount: 'operator', uid: 'sa-operator' };
let egress: EgressUnderTest;
let token: string;
beforeAll(async () => {
  egress = await egressUnderTest();
  egress.addProvider('offline', { type: 'Offline', models: [model('echo', { price: { inputPerMillion: 1, outputPerMillion: 2 } })] });
  token = await egress.tokenOf('', operator);
}, 60_000);
afterAll(() => egress[Symbol.asyncDispose]());

const get = (bearer = token, url = egress.url) => fetch(`${url}${tenantsUsagePath}`, { headers: { authorization: `Bearer ${bearer}` } });
const read = async () => {
  const { tenants } = tenantsUsage.parse(await (await get()).json());
  return new Map(tenants.map(({ tenant, ...figures }) => [tenant, figures]));
};
const chat = async (bearer: string, content: string) =>
  (await fetch(`${egress.url}/v1/chat/completions`, ask(bearer, { model: 'offline/echo', messages: [{ role: 'user', content }] }))).text();
const counted = async (name: string, tenant: string) => {
  const { values } = (await egress.registry.getSingleMetric(name)?.get()) ?? { values: [] };
  return values.filter(({ labels }) => labels['tenant'] === tenant).reduce((sum, { value }) => sum + value, 0);
};
const window = z.object({ starts_on: z.string(), micro_usd: z.object({ spent: z.number() }), tokens: z.object({ spent: z.number() }) });
const own = z.object({ budget: z.object({ daily: window, monthly: window }) });

test('is what each tenant reads itself, and what the metrics count, to the micro-dollar', { timeout: 30_000 }, async () => {
  const budget = { timeZone: 'Asia/Kathmandu', daily: { usd: 1 }, monthly: { usd: 0.01, tokens: 1_000_000 } };
  const [acme, bravo] = [await egress.addTenant('acme', { budget }), await egress.addTenant('bravo')];
  await egress.addTenant('silent', { budget });
  for (const content of ['one', 'one two three', 'say 900 words']) await chat(acme, content);
  await chat(bravo, 'say 5 words');
  await vi.waitFor(
    async () => expect((await read()).get('bravo')?.daily.tokens).toBe(await counted('cloister_budget_tokens_total', 'bravo')),
    10_000,
  );
  await vi.waitFor(
    async () => expect((await read()).get('acme')?.daily.tokens).toBe(await counted('cloister_budget_tokens_total', 'acme')),
    10_000,
  );
  const told = await read();
  expect([...told.keys()].sort()).toEqual(['acme', 'bravo']);
  const edge = await egress.tokenOf('', { namespace: 'cloister-system', serviceAccount: 'edge' });
  for (const name of ['acme', 'bravo']) {
    const answer = await fetch(`${egress.url}/internal/tenants/${name}/uid-${name}/usage`, {
      headers: { authorization: `Bearer ${edge}` },
    });
    const { daily, monthly } = own.parse(await answer.json()).budget;
    const figures = told.get(name);
    for (const [one, other] of [
      [figures?.daily, daily],
      [figures?.monthly, monthly],
    ] as const)
      expect(one).toMatchObject({ startsOn: other.starts_on, microUsd: other.micro_usd.spent, tokens: other.tokens.spent });
    expect(figures?.daily.microUsd).toBe(await counted('cloister_budget_spent_micro_usd_total', name));
  }
  expect(told.get('acme')).toMatchObject({
    uid: 'uid-acme',
    daily: { percent: 0 },
    monthly: { percent: Math.floor((told.get('acme')?.monthly.microUsd ?? 0) / 100) },
  });
  expect(told.get('bravo')?.daily).not.toHaveProperty('percent');
});

test('yesterday is no part of today, and a month before none of this', async () => {
  await egress.addTenant('early');
  const rows = `insert into cloister_egress.budget_window (tenant_uid, kind, starts_on, settled_micro_usd, settled_tokens, overrun_micro_usd) values`;
  const month = `date_trunc('month', now() at time zone 'UTC')::date`;
  await egress.sql.query(`${rows} ('uid-early', 'monthly', (${month} - interval '1 month')::date, 9, 9, 0)`, []);
  expect([...(await read()).keys()]).not.toContain('early');
  await egress.sql.query(
    `${rows} ('uid-early', 'daily', ((now() at time zone 'UTC') - interval '1 day')::date, 5, 6, 0), ('uid-early', 'monthly', ${month}, 5, 6, 2)`,
    [],
  );
  expect((await read()).get('early')).toMatchObject({ daily: { microUsd: 0, tokens: 0 }, monthly: { microUsd: 7, tokens: 6 } });
});

test('what was billed beyond the limits of windows before is told apart, and counts as used of these', async () => {
  await egress.addTenant('owing', { budget: { timeZone: 'UTC', daily: { tokens: 100 }, monthly: { tokens: 200 } } });
  const rows = `insert into cloister_egress.budget_window (tenant_uid, kind, starts_on, settled_tokens, overrun_tokens, limit_tokens) values`;
  const month = `cloister_egress.window_start('monthly', 'UTC')`;
  await egress.sql.query(
    `${rows} ('uid-owing', 'daily', cloister_egress.window_start('daily', 'UTC') - 1, 100, 70, 100),
       ('uid-owing', 'monthly', (${month} - interval '1 month')::date, 200, 30, 200), ('uid-owing', 'monthly', ${month}, 0, 0, 200)`,
    [],
  );
  expect((await read()).get('owing')).toMatchObject({
    daily: { tokens: 0, debtTokens: 70, debtMicroUsd: 0, percent: 70 },
    monthly: { tokens: 0, debtTokens: 30, percent: 15 },
  });
});

test('who owes is told of before it has used or opened anything, be it of the day or of the month', async () => {
  const budget = { timeZone: 'UTC', daily: { tokens: 100 }, monthly: { tokens: 1_000 } };
  for (const name of ['by-day', 'by-month', 'free']) await egress.addTenant(name, { budget });
  const rows = `insert into cloister_egress.budget_window (tenant_uid, kind, starts_on, settled_tokens, overrun_tokens, limit_tokens) values`;
  const [day, month] = [`cloister_egress.window_start('daily', 'UTC')`, `cloister_egress.window_start('monthly', 'UTC')`];
  await egress.sql.query(
    `${rows} ('uid-by-day', 'daily', ${day} - 1, 100, 170, 100), ('uid-by-day', 'daily', ${day}, 0, 0, 100), ('uid-by-day', 'monthly', ${month}, 0, 0, 1000),
       ('uid-by-month', 'monthly', (${month} - interval '1 month')::date, 1000, 30, 1000), ('uid-free', 'daily', ${day} - 1, 90, 10, 100)`,
    [],
  );
  const told = await read();
  expect(told.get('by-day')).toMatchObject({ daily: { tokens: 0, debtTokens: 170, percent: 170 }, monthly: { debtTokens: 0, percent: 0 } });
  expect(told.get('by-month')).toMatchObject({ daily: { debtTokens: 0 }, monthly: { tokens: 0, debtTokens: 30, percent: 3 } });
  expect([...told.keys()]).not.toContain('free');
});

test.each<[string, TokenChanges]>([
  ['an agent', { namespace: 'tenant-acme', serviceAccount: 'agent' }],
  ['edge', { namespace: 'cloister-system', serviceAccount: 'edge' }],
  ['an account of that name elsewhere', { namespace: 'tenant-acme', serviceAccount: 'operator' }],
  ['the operator with a token for others', { ...operator, audience: 'other' }],
])('%s reads nothing of it', async (_, changes) => {
  expect((await get(await egress.tokenOf('acme', changes))).status).toBe(401);
});

test('says that it cannot be read while Postgres is away', { timeout: 30_000 }, async () => {
  await using away = await egressUnderTest({ readEveryUsage: () => Promise.reject(new Error('away')) });
  const answer = await get(await away.tokenOf('', operator), away.url);
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
});
