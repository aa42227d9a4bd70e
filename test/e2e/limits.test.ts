import { tenantSecrets } from '@cloister/tenancy';
import { RateLimitError } from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, openai } from './support/http.ts';
import { agentName, createTenant, deleteTenant, secretValue, tenantManifest, type LiveTenant } from './support/tenants.ts';
import { until } from './support/until.ts';
import { openWorld, type World } from './support/world.ts';

let world: World;
let poor: LiveTenant;
let other: LiveTenant;
let ofKey: LiveTenant;
let hasty: LiveTenant;
const budget = { timeZone: 'Europe/Oslo', daily: { tokens: 3_000 } };
const withKeyBudget = (tokens: number) => ({
  name: 'limit-key',
  spec: { access: { apiKeys: [{ name: 'default', scopes: ['chat'], budget: { daily: { tokens } } }] } },
});
const limitedKeys = [
  { name: 'few', scopes: ['chat'], rateLimits: { requestsPerMinute: 2, tokensPerMinute: 10_000 } },
  { name: 'single', scopes: ['chat'], rateLimits: { concurrentRequests: 1 } },
];
beforeAll(async () => {
  world = await openWorld();
  [poor, other, ofKey, hasty] = await Promise.all([
    createTenant(world, { name: 'limit-budget', spec: { budget } }),
    createTenant(world, { name: 'limit-none', spec: { access: { apiKeys: [{ name: 'default', scopes: ['chat'] }, ...limitedKeys] } } }),
    createTenant(world, withKeyBudget(3_000)),
    createTenant(world, { name: 'limit-rate', spec: { rateLimits: { requestsPerMinute: 5 } } }),
  ]);
});
afterAll(async () => {
  await Promise.all(['limit-budget', 'limit-rate', 'limit-none', 'limit-key'].map((name) => deleteTenant(world, name)));
});

const ask = (tenant: LiveTenant, content: string, extra: object = {}) =>
  call(`${tenant.url}/v1/chat/completions`, {
    method: 'POST',
    key: tenant.key,
    body: { model: agentName, messages: [{ role: 'user', content }], ...extra },
  });

test('a spent budget refuses, tells when it renews, and stops nobody else', async () => {
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
  const refused = await until(
    'the refusal',
    async () => {
      const answer = await ask(ofKey, 'say 200 words', { max_tokens: 300 });
      return answer.status === 200 ? undefined : answer;
    },
    { within: 30_000 },
  );
  expect(refused.status).toBe(429);
  expect(JSON.parse(refused.text)).toMatchObject({ error: { type: 'insufficient_quota', code: 'budget_exceeded' } });
  expect(refused.text).toMatch(/of API key/);
  await world.kubectl.apply(tenantManifest(withKeyBudget(100_000)));
  await until('the raised budget to hold', async () => (await ask(ofKey, 'hello', { max_tokens: 300 })).status === 200, {
    within: 10_000,
    every: 200,
  });
});

test('more requests in a minute than allowed are refused with the time to wait', async () => {
  const answers = await Promise.all(Array.from({ length: 12 }, () => call(`${hasty.url}/v1/models`, { key: hasty.key })));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
  const refused = answers.find(({ status }) => status === 429);
  expect(refused?.text).toContain('rate_limit_exceeded');
  expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(0);
  expect(refused?.headers['x-ratelimit-limit-requests']).toBe('5');
});

describe('the openai client', () => {
  const client = async (key: string) =>
    openai(`${other.url}/v1`, await secretValue(world, other.namespace, tenantSecrets.apiKey(key), 'key')).chat.completions;
  const saying = (content: string) => ({ model: agentName, messages: [{ role: 'user' as const, content }] });

  test('reads what is left of its limits in every answer, and in a refusal how long to wait', async () => {
    const few = await client('few');
    const first = await few.create(saying('say 3 words')).withResponse();
    const limits = (headers: Headers) =>
      ['limit-requests', 'remaining-requests', 'limit-tokens', 'remaining-tokens'].map((name) => headers.get(`x-ratelimit-${name}`));
    expect(limits(first.response.headers)).toEqual(['2', '1', '10000', '10000']);
    expect(first.response.headers.get('x-ratelimit-reset-requests')).toMatch(/^\d+s$/);
    const second = await few.create(saying('say 3 words')).withResponse();
    expect(limits(second.response.headers)).toEqual(['2', '0', '10000', String(10_000 - (first.data.usage?.total_tokens ?? 0))]);

    const refusal: unknown = await few.create(saying('say 3 words')).catch((error: unknown) => error);
    if (!(refusal instanceof RateLimitError)) throw new Error('the third request was not refused', { cause: refusal });
    expect(refusal.code).toBe('rate_limit_exceeded');
    expect(refusal.message).toContain('spec.access.apiKeys[few].rateLimits.requestsPerMinute');
    expect(Number(refusal.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(refusal.headers.get('retry-after'))).toBeLessThanOrEqual(61);
    expect(limits(refusal.headers)[1]).toBe('0');
  });

  test('waits as long as it is told to, and is served', async () => {
    const single = await client('single');
    const stream = await single.create({ ...saying('slowly say 20 words'), stream: true });
    await expect(single.create(saying('say 3 words'))).rejects.toThrow(RateLimitError);
    const patient = single.create(saying('say 3 words'), { maxRetries: 5 });
    let pieces = 0;
    for await (const chunk of stream) pieces += chunk.choices.length;
    expect(pieces).toBeGreaterThan(19);
    expect((await patient).usage?.completion_tokens).toBe(3);
  });
});
