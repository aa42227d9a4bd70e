/** Whenever callers leave, and whatever a provider tells of what it bills: no less is booked. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { ask, egressUnderTest, model, type EgressUnderTest } from '../egress.fixture.ts';
import { billingProvider, type BillingProvider, type Conduct } from '../providers/billing-provider.double.ts';

const scenarios = new Map<string, Scenario>();
let egress: EgressUnderTest;
let provider: BillingProvider;
beforeAll(async () => {
  const conductOf = (user: string) => scenarios.get(user)?.conduct ?? expect.fail(`nobody is ${user}`);
  [egress, provider] = await Promise.all([egressUnderTest(), billingProvider(conductOf)]);
  egress.addProvider('p', { baseURL: provider.baseURL, models: [model('m')] });
}, 60_000);
afterAll(async () => {
  await egress[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

interface Scenario {
  /** Fields of the body, in JSON. */
  readonly said: string;
  readonly most: number;
  readonly stream: boolean;
  /** Milliseconds; undefined: never. */
  readonly leavesAfter: number | undefined;
  readonly conduct: Conduct;
}

const text = fc.string({ unit: fc.constantFrom('a', ' ', 'word', 'ü', '語', '🦊', '\\ud800', '\\n'), maxLength: 300, size: 'max' });
const told = text.map((content) => `"messages":[{"role":"user","content":"${content}"}]`);
const picture = '"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]';
const tools = fc
  .tuple(told, fc.array(fc.constantFrom('1E20', '-1e20', '1e-6', '7'), { maxLength: 500, size: 'max' }))
  .map(
    ([messages, numbers]) => `${messages},"tools":[{"type":"function","function":{"name":"f","parameters":{"enum":[${numbers.join()}]}}}]`,
  );

const scenario: fc.Arbitrary<Scenario> = fc.record({
  said: fc.oneof(told, tools, fc.constant(picture)),
  most: fc.integer({ min: 1, max: 300 }),
  stream: fc.boolean(),
  leavesAfter: fc.option(fc.nat(400), { nil: undefined }),
  conduct: fc.record({
    hidden: fc.oneof(fc.constant(0), fc.nat(100)),
    tokens: fc.nat(100),
    end: fc.constantFrom<Conduct['end']>('reported', 'silent', 'broken', 500, 504, 429, 503),
  }),
});

let tenants = 0;

async function play(one: Scenario): Promise<string> {
  const { said, most, stream, leavesAfter } = one;
  const tenant = `t${++tenants}`;
  scenarios.set(tenant, one);
  const token = await egress.addTenant(tenant, { models: ['p/m'], budget: { timeZone: 'UTC', daily: { usd: 1 } } });
  const body = `{"model":"p/m","user":"${tenant}","max_tokens":${most},"stream":${stream},${said}}`;
  const leaving = leavesAfter === undefined ? undefined : AbortSignal.timeout(leavesAfter);
  try {
    const answer = await fetch(`${egress.url}/v1/chat/completions`, { ...ask(token, {}), body, ...(leaving && { signal: leaving }) });
    await answer.text();
  } catch (error) {
    if (!leaving?.aborted) throw error;
  }
  return tenant;
}

const books = z.array(z.object({ tenant: z.string(), input: z.number(), output: z.number() }));
const booked = 'select tenant, input_tokens::int as input, output_tokens::int as output from cloister_egress.usage';

test('no less is booked than a provider bills, whenever callers leave', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(scenario, { minLength: 1, maxLength: 40 }), async (all) => {
      const played = await Promise.all(all.map(play));
      await vi.waitFor(() => expect(provider.underWay).toBe(0), 10_000);
      const billed = played.filter((tenant) => provider.bills.has(tenant));
      await vi.waitFor(async () => {
        const lines = new Map(books.parse(await egress.sql.query(booked, [])).map((line) => [line.tenant, line]));
        for (const tenant of billed) expect(lines.has(tenant), tenant).toBe(true);
        for (const tenant of billed) {
          const { input, output } = provider.bills.get(tenant) ?? expect.fail('no bill');
          const line = lines.get(tenant);
          const { leavesAfter, conduct } = scenarios.get(tenant) ?? expect.fail('no scenario');
          const words = JSON.stringify(scenarios.get(tenant)).slice(0, 400);
          expect(line?.input, words).toBeGreaterThanOrEqual(input);
          expect(line?.output, words).toBeGreaterThanOrEqual(output);
          if (leavesAfter === undefined && conduct.end === 'reported' && output > 0) expect(line, words).toMatchObject({ input, output });
        }
      }, 10_000);
    }),
    { numRuns: 15, endOnFailure: true },
  );
});
