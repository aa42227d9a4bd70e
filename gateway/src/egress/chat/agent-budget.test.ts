import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { ask, egressUnderTest, type EgressUnderTest } from '../egress.fixture.ts';
import { completion, providerDouble, type ProviderDouble } from '../providers/provider.double.ts';

const models = ['openai/m1'];
const url = 'https://127.0.0.1:1';
let egress: EgressUnderTest;
let provider: ProviderDouble;
beforeAll(async () => {
  egress = await egressUnderTest();
  provider = await providerDouble();
  egress.credentials.put('openai-key', { key: 'sk' });
  egress.addProvider('openai', { type: 'OpenAI', baseURL: provider.baseURL, credentials: { secretName: 'openai-key', key: 'key' } });
}, 60_000);
afterAll(async () => {
  await egress[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

const chat = (token: string) => fetch(`${egress.url}/v1/chat/completions`, ask(token, { model: 'openai/m1' }));
const errorBody = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

test('the budget of an agent holds beside that of the tenant, and counts what the agent has used before it was set', async () => {
  provider.answer = completion('x', 100, 300); // 700 micro-dollars
  const settled = (expected: object) => vi.waitFor(async () => expect(await egress.standing('acme')).toMatchObject(expected), 3_000);
  await (await chat(await egress.addTenant('acme', { models }))).text();
  await settled({ settled: 700 });
  const agents = [
    { name: 'support', url, budget: { daily: { usd: 0.003_3 } } },
    { name: 'other', url },
  ];
  const token = await egress.addTenant('acme', { models, agents, budget: { timeZone: 'UTC', daily: { usd: 0.05 } } });
  let admitted = 0;
  for (let turn = 0; turn < 6; turn++) if ((await chat(token)).status === 200) admitted++;
  expect(admitted).toBe(3);
  const refusal = await chat(token);
  expect(refusal.status).toBe(429);
  expect(errorBody.parse(await refusal.json()).error.code).toBe('budget_exceeded');
  expect((await chat(await egress.tokenOf('acme', { pod: 'other-7d9c5f8b6-x2x4z' }))).status).toBe(200);
  await settled({ settled: 700 * (admitted + 2), reserved: 0 });
});

test('a refusal names the agent whose budget is spent', async () => {
  const agents = [{ name: 'support', url, budget: { daily: { tokens: 10 } } }];
  const answer = await chat(await egress.addTenant('bravo', { models, agents }));
  expect(errorBody.parse(await answer.json()).error.message).toMatch(
    /^the daily budget of tokens of agent "support" is spent; it renews at /,
  );
});
