import { voucherHeader } from '@cloister/tenancy';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { ask, egressUnderTest, type EgressUnderTest } from '../egress.fixture.ts';

let egress: EgressUnderTest;
beforeAll(async () => {
  egress = await egressUnderTest();
}, 60_000);
afterAll(() => egress[Symbol.asyncDispose]());

const [key, user] = ['key:0123456789ab', `user:${'0'.repeat(32)}`];
const errorBody = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
const little = { usd: 0.000_001 };
const few = { tokens: 10 };

test.each([
  ['daily budget of money', key, { ofKey: { daily: little } }],
  ['daily budget of tokens', key, { ofKey: { daily: few } }],
  ['monthly budget of money', key, { ofKey: { monthly: little } }],
  ['monthly budget of tokens', key, { ofKey: { monthly: few } }],
  ['monthly budget of tokens', key, { ofKey: { daily: { usd: 9 }, monthly: few }, perUser: { daily: little } }],
  ['daily budget of money', user, { perUser: { daily: little } }],
  ['monthly budget of tokens', user, { perUser: { monthly: few }, ofKey: { daily: little } }],
])('the %s of %s refuses, and nobody else is refused by it', async (what, caller, budgets) => {
  const { ofKey, perUser }: { readonly ofKey?: object; readonly perUser?: object } = budgets;
  const token = await egress.addTenant('acme', { budget: { timeZone: 'UTC', perUser } });
  const chat = async (headers: Record<string, string>) =>
    fetch(`${egress.url}/v1/chat/completions`, ask(token, { model: 'offline/echo', max_tokens: 50 }, headers));
  const refusal = await chat({ [voucherHeader]: await egress.vouch('acme', { caller, ...(ofKey && { budget: ofKey }) }) });
  expect(refusal.status).toBe(429);
  const { code, message } = errorBody.parse(await refusal.json()).error;
  expect([code, message]).toEqual(['budget_exceeded', expect.stringMatching(`^the ${what} of `)]);
  for (const headers of [{}, { [voucherHeader]: await egress.vouch('acme', { caller: 'key:ba9876543210' }) }])
    expect((await chat(headers)).status).toBe(200);
});

test('a pod whose agent egress has not heard of yet, or any more, is believed about the callers of its own tenant', async () => {
  await egress.addTenant('fresh');
  const token = await egress.tokenOf('fresh', { pod: 'fresh-7d9c5f8b6-x2x4z' });
  const chat = async (voucher: string) => {
    const asked = ask(token, { model: 'offline/echo', max_tokens: 50 }, { [voucherHeader]: voucher });
    return (await fetch(`${egress.url}/v1/chat/completions`, asked)).status;
  };
  expect(await chat(await egress.vouch('fresh', { caller: key, agent: 'fresh' }))).toBe(200);
  expect(await chat(await egress.vouch('fresh', { caller: key, agent: 'fresh', budget: { daily: few } }))).toBe(429);
  expect(await chat(await egress.vouch('acme', { caller: key, agent: 'fresh' }))).toBe(403);
});

test('embeddings are billed to the caller as well, and a voucher that is no good is refused', async () => {
  const vectors = { name: 'vectors', contextWindow: 1_000, price: { inputPerMillion: 1 } };
  egress.addProvider('embedding', { type: 'Offline', embeddingModels: [vectors] });
  const token = await egress.addTenant('vectors', { models: ['embedding/vectors'] });
  const embed = async (voucher: string) => {
    const body = JSON.stringify({ model: 'embedding/vectors', input: 'a text that is longer than ten tokens may be' });
    return (await fetch(`${egress.url}/v1/embeddings`, { ...ask(token, {}, { [voucherHeader]: voucher }), body })).status;
  };
  expect(await embed(await egress.vouch('vectors', { caller: key }))).toBe(200);
  expect(await embed(await egress.vouch('vectors', { caller: key, budget: { daily: few } }))).toBe(429);
  expect(await embed('mine')).toBe(403);
});
