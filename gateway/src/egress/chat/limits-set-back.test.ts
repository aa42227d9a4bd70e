/** A limit that is changed and set back while a replica has some of it in hand, and others have spent it meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { idleAfter } from '../budget/account-lease.ts';
import { ask, egressUnderTest, model } from '../egress.fixture.ts';
import { completion, providerDouble } from '../providers/provider.double.ts';

test('what rests in hand goes on to serve where other things than budgets change', { timeout: 60_000 }, async () => {
  await using egress = await egressUnderTest({ keptForMs: 60_000 });
  await using provider = await providerDouble();
  provider.answer = completion('served', 10, 10);
  egress.addProvider('openai', { baseURL: provider.baseURL, models: [model('m1')] });
  const withHost = (host: string) =>
    egress.addTenant('acme', { hosts: [host], models: ['openai/m1'], budget: { timeZone: 'UTC', daily: { usd: 1 } } });
  const token = await withHost('a.example');
  const chat = async () => {
    const body = { model: 'openai/m1', max_tokens: 10 };
    return (await fetch(`${egress.url}/v1/chat/completions`, ask(token, body))).status;
  };
  expect(await chat()).toBe(200);
  await expect.poll(async () => (await egress.standing('acme')).reserved, { timeout: 10_000 }).toBeLessThan(100_000); // it rests
  await sleep(idleAfter);
  await egress.sql.query('update cloister_egress.budget_window set settled_micro_usd = 1000000', []); // that nobody asks after
  await withHost('b.example');
  expect(await chat()).toBe(200);
});

test('what rests in hand serves nobody before the ledger has said what is left', { timeout: 60_000 }, async () => {
  await using egress = await egressUnderTest({ keptForMs: 60_000 });
  await using provider = await providerDouble();
  provider.answer = completion('served', 10, 10);
  egress.addProvider('openai', { baseURL: provider.baseURL, models: [model('m1')] });
  const withLimit = (usd: number) => egress.addTenant('acme', { models: ['openai/m1'], budget: { timeZone: 'UTC', daily: { usd } } });
  const token = await withLimit(1);
  const chat = async () => {
    const body = { model: 'openai/m1', max_tokens: 10 };
    return (await fetch(`${egress.url}/v1/chat/completions`, ask(token, body))).status;
  };
  expect(await chat()).toBe(200);
  await expect.poll(async () => (await egress.standing('acme')).reserved, { timeout: 10_000 }).toBeLessThan(100_000); // it rests
  await sleep(2 * idleAfter); // the ledger's answer comes to egress after it can be seen here
  await egress.sql.query('update cloister_egress.budget_window set settled_micro_usd = 1000000', []);
  await withLimit(2);
  await withLimit(1);
  expect(await chat()).toBe(429);
});
