import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from './support/http.ts';
import { agentName, createTenant, deleteTenant, tenantManifest, type LiveTenant } from './support/tenants.ts';
import { until } from './support/until.ts';
import { openWorld, type World } from './support/world.ts';

let world: World;
const names = ['limit-budget', 'limit-rate', 'limit-none', 'limit-key'];
beforeAll(async () => {
  world = await openWorld();
});
afterAll(async () => {
  await Promise.all(names.map((name) => deleteTenant(world, name)));
});

const ask = (tenant: LiveTenant, content: string, extra: object = {}) =>
  call(`${tenant.url}/v1/chat/completions`, {
    method: 'POST',
    key: tenant.key,
    body: { model: agentName, messages: [{ role: 'user', content }], ...extra },
  });

test('a spent budget refuses, tells when it renews, and stops nobody else', async () => {
  const budget = { timeZone: 'Europe/Oslo', daily: { tokens: 3_000 } };
  const [poor, other] = await Promise.all([
    createTenant(world, { name: 'limit-budget', spec: { budget } }),
    createTenant(world, { name: 'limit-none' }),
  ]);

  // Twenty at once: a budget that is only counted afterwards would let them all through.
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(poor, 'say 200 words', { max_tokens: 300 })));
  const spent = answers
    .filter(({ status }) => status === 200)
    .map(({ text }) => (JSON.parse(text) as { usage: { total_tokens: number } }).usage.total_tokens)
    .reduce((sum, tokens) => sum + tokens, 0);
  expect(spent).toBeGreaterThan(0);
  expect(spent).toBeLessThanOrEqual(3_000);

  const refused = await until(
    'the refusal',
    async () => {
      const answer = await ask(poor, 'say 200 words', { max_tokens: 300 });
      return answer.status === 200 ? undefined : answer;
    },
    { within: 30_000 },
  );
  expect(refused.status).toBe(429);
  expect(JSON.parse(refused.text)).toMatchObject({ error: { type: 'insufficient_quota', code: 'budget_exceeded' } });
  expect(refused.text).toMatch(/daily/);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect((await ask(other, 'hello')).status).toBe(200);

  await world.kubectl.apply(tenantManifest({ name: 'limit-budget', spec: { budget: { ...budget, daily: { tokens: 100_000 } } } }));
  await until('the raised budget to hold', async () => (await ask(poor, 'hello', { max_tokens: 300 })).status === 200, {
    within: 10_000,
    every: 200,
  });
});

test('a key that has spent its budget is refused although its tenant has none, until it has a larger one', async () => {
  const withBudget = (tokens: number) => ({
    name: 'limit-key',
    spec: { access: { apiKeys: [{ name: 'default', scopes: ['chat'], budget: { daily: { tokens } } }] } },
  });
  const tenant = await createTenant(world, withBudget(3_000));
  const refused = await until(
    'the refusal',
    async () => {
      const answer = await ask(tenant, 'say 200 words', { max_tokens: 300 });
      return answer.status === 200 ? undefined : answer;
    },
    { within: 30_000 },
  );
  expect(refused.status).toBe(429);
  expect(JSON.parse(refused.text)).toMatchObject({ error: { type: 'insufficient_quota', code: 'budget_exceeded' } });
  expect(refused.text).toMatch(/of API key/);
  await world.kubectl.apply(tenantManifest(withBudget(100_000)));
  await until('the raised budget to hold', async () => (await ask(tenant, 'hello', { max_tokens: 300 })).status === 200, {
    within: 10_000,
    every: 200,
  });
});

test('more requests in a minute than allowed are refused with the time to wait', async () => {
  const tenant = await createTenant(world, { name: 'limit-rate', spec: { rateLimits: { requestsPerMinute: 5 } } });
  const answers = await Promise.all(Array.from({ length: 12 }, () => call(`${tenant.url}/v1/models`, { key: tenant.key })));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
  const refused = answers.find(({ status }) => status === 429);
  expect(refused?.text).toContain('rate_limit_exceeded');
  expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(0);
  expect(refused?.headers['x-ratelimit-limit-requests']).toBe('5');
});
