/** A budget that runs out, as the openai client sees it. */
import { RateLimitError } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { call, openai } from './support/http.ts';
import { conditionOf } from './support/kubectl.ts';
import { agentName, createTenant, deleteTenant, type LiveTenant } from './support/tenants.ts';
import { until } from './support/until.ts';
import { openWorld, type World } from './support/world.ts';

let world: World;
const names = ['ends-cheap', 'ends-slow'];
const [big, small] = ['e2e-priced/big', 'e2e-priced/small'];
const priced = (name: string, outputPerMillion: number) => ({
  name,
  contextWindow: 10_000,
  maxOutputTokens: 1_000,
  price: { inputPerMillion: 0, outputPerMillion },
});
/** A word is a token: dear ones cost ten micro-dollars, cheap ones one. */
const provider = {
  apiVersion: 'cloister.dev/v1alpha1',
  kind: 'ModelProvider',
  metadata: { name: 'e2e-priced' },
  spec: { type: 'Offline', models: [priced('big', 10), priced('small', 1)], tenants: { names } },
};

beforeAll(async () => {
  world = await openWorld();
  await world.kubectl.apply(provider);
});
afterAll(async () => {
  await Promise.all(names.map((name) => deleteTenant(world, name)));
  await world.kubectl.run(['delete', 'modelprovider', 'e2e-priced', '--ignore-not-found']);
});

const window = z.object({
  starts_on: z.string(),
  micro_usd: z.object({ spent: z.number() }),
  tokens: z.object({ spent: z.number() }),
});
const usageAnswer = z.object({ budget: z.object({ daily: window }) });
const spent = z.looseObject({ status: z.looseObject({ usage: z.looseObject({ daily: z.looseObject({ usd: z.number() }) }) }) });
/** The status, once it says that so many dollars were spent today. */
function spentOf(tenant: unknown, usd: number): z.infer<typeof spent>['status'] | undefined {
  const status = spent.safeParse(tenant).data?.status;
  return status?.usage.daily.usd === usd ? status : undefined;
}

/** A hundred words, for which a hundred tokens of output are reserved. */
const hundredWords = (tenant: LiveTenant) =>
  openai(`${tenant.url}/v1`, tenant.key)
    .chat.completions.create({ model: agentName, max_completion_tokens: 100, messages: [{ role: 'user', content: 'say 100 words' }] })
    .withResponse();

test('Downgrade: from the soft limit on the cheaper model answers, the client sees which, and at the limit nobody does; the status tells what was spent', async () => {
  // A little more than what five dear calls and sixty cheap ones cost: the last of each has some room, for what other replicas hold.
  const budget = { daily: { usd: 0.01105 }, onExceeded: 'Downgrade', softLimitPercent: 50 };
  const tenant = await createTenant(world, {
    name: 'ends-cheap',
    spec: { models: { allow: ['e2e-priced/*'] }, budget, access: { apiKeys: [{ name: 'default', scopes: ['chat', 'usage'] }] } },
    agent: { model: big, fallbacks: [small] },
  });
  const seen: (string | null)[] = [];
  const refused = await until(
    'the refusal',
    async () => {
      try {
        const { data, response } = await hundredWords(tenant);
        expect(data.usage?.completion_tokens).toBe(100);
        seen.push(response.headers.get('x-cloister-downgraded'));
        return undefined;
      } catch (error) {
        return error;
      }
    },
    { within: 60_000, every: 1 },
  );
  expect(seen).toEqual([...Array.from({ length: 5 }, () => null), ...Array.from({ length: 60 }, () => small)]);
  expect(refused).toMatchObject({ status: 429, code: 'budget_exceeded' });

  const status = await until('the usage in the status', async () => spentOf(await world.kubectl.get('tenant', tenant.name), 0.011), {
    within: 90_000,
    every: 500,
  });
  const { daily } = usageAnswer.parse(JSON.parse((await call(`${tenant.url}/v1/usage`, { key: tenant.key })).text)).budget;
  expect(status).toMatchObject({
    usage: {
      daily: {
        startsOn: daily.starts_on,
        usd: daily.micro_usd.spent / 1e6,
        tokens: daily.tokens.spent,
        percent: 100,
        alertedAtPercent: 100,
      },
    },
  });
  expect(conditionOf(await world.kubectl.get('tenant', tenant.name), 'BudgetExceeded')).toMatchObject({
    status: 'True',
    reason: 'BudgetSpent',
  });
  await until(
    'the alert',
    async () => {
      const events = await world.kubectl.run(['get', 'events', '-A', '--field-selector', 'reason=BudgetAlert', '-o', 'json']);
      return events.includes(tenant.name) && events.includes('the daily budget is used up to 100 %');
    },
    { within: 10_000 },
  );
});

/** Seconds; a fifth of the day gives out what one call costs. */
const [day, aCall] = [86_400, 86_400 / 5];

test('Throttle: what is released is there at once, the rest later, and the client is told when', async () => {
  // A cent a day for calls of a tenth of a cent: five at once, and one more with each fifth of the day.
  const budget = { daily: { usd: 0.01 }, onExceeded: 'Throttle', softLimitPercent: 50 };
  const tenant = await createTenant(world, {
    name: 'ends-slow',
    spec: { models: { allow: ['e2e-priced/*'] }, budget },
    agent: { model: big },
  });
  let served = 0;
  const refused = await until(
    'the refusal',
    async () => {
      try {
        await hundredWords(tenant);
        served++;
        return undefined;
      } catch (error) {
        return error;
      }
    },
    { within: 60_000, every: 1 },
  );
  const sinceMidnight = (Date.now() / 1000) % day;
  expect(served).toBe(5 + Math.floor(sinceMidnight / aCall));
  if (!(refused instanceof RateLimitError)) throw new Error('it was not refused for its rate', { cause: refused });
  expect(refused.code).toBe('budget_throttled');
  const seconds = Number(refused.headers.get('retry-after'));
  expect(Math.abs(seconds - ((served - 4) * aCall - sinceMidnight)), 'retry-after').toBeLessThan(5);
  expect(refused.message).toContain(
    `the daily budget of money is used up to 50 %, and the rest is given out bit by bit; there is enough for this call in ${seconds} s`,
  );
});
