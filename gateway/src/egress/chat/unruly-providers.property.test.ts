/**
 * Whatever a provider does: the caller gets a well-formed error or an answer that ended as it should, in time, and each attempt is settled exactly
 * once.
 */
import type { ProviderDocument } from '@cloister/tenancy';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { ask, egressUnderTest, model, type EgressUnderTest } from '../egress.fixture.ts';
import { egressErrors } from '../errors.ts';
import { unrulyProvider, type Script, type UnrulyProvider } from '../providers/unruly-provider.double.ts';
import { unrulyScript } from '../providers/unruly-script.arbitrary.ts';

let egress: EgressUnderTest;
let provider: UnrulyProvider;
beforeAll(async () => {
  [egress, provider] = await Promise.all([egressUnderTest({ openAI: { idleTimeout: 150 } }), unrulyProvider()]);
}, 60_000);
afterAll(async () => {
  await egress[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

interface Scenario {
  readonly of: Pick<ProviderDocument, 'type' | 'apiVersion'>;
  readonly retries: number;
  readonly asked: 'chat' | 'stream' | 'embeddings';
  readonly usageWanted: boolean;
  readonly script: Script;
}
const scenario: fc.Arbitrary<Scenario> = fc.record({
  of: fc.constantFrom<Scenario['of']>(
    { type: 'OpenAI' },
    { type: 'OpenAICompatible' },
    { type: 'AzureOpenAI' },
    { type: 'AzureOpenAI', apiVersion: '2024-10-21' },
    { type: 'Anthropic' },
    { type: 'Gemini' },
    { type: 'Bedrock' },
  ),
  retries: fc.constantFrom(0, 0, 1, 2),
  asked: fc.constantFrom('chat', 'stream', 'stream', 'embeddings'),
  usageWanted: fc.boolean(),
  script: unrulyScript,
});
/** As a person reads it who has to find out what went wrong. */
const told = fc
  .constant(undefined)
  .chain(() => scenario)
  .map((one) => ({
    ...one,
    [fc.toStringMethod]: () =>
      JSON.stringify({
        ...one,
        script: { ...one.script, pieces: one.script.pieces.map((piece) => piece.toString('latin1').slice(0, 400)) },
      }),
  }));

const [contextWindow, maxOutputTokens] = [1_000, 100];
/** In micro-dollars, of a call that takes in and gives all that the model can. */
const dearest = contextWindow + 2 * contextWindow;
const seconds = 0.5;
let tenants = 0;

async function askOf({ of, retries, asked, usageWanted, script }: Scenario) {
  const tenant = `t${++tenants}`;
  const baseURL = provider.baseURL(script);
  egress.addProvider(tenant, {
    ...{ ...of, baseURL, retries, timeoutSeconds: seconds },
    models: [model('m', { contextWindow, maxOutputTokens })],
    embeddingModels: [{ name: 'v', contextWindow, price: { inputPerMillion: 1 } }],
  });
  const models = [`${tenant}/m`, `${tenant}/v`];
  const token = await egress.addTenant(tenant, { models, budget: { timeZone: 'UTC', daily: { usd: 1 } } });
  const stream = asked === 'stream';
  const call =
    asked === 'embeddings'
      ? fetch(`${egress.url}/v1/embeddings`, { ...ask(token, {}), body: JSON.stringify({ model: models[1], input: 'Hi' }) })
      : fetch(
          `${egress.url}/v1/chat/completions`,
          ask(token, { model: models[0], stream, ...(usageWanted && stream ? { stream_options: { include_usage: true } } : {}) }),
        );
  const answer = await call;
  return { tenant, retries, asked, baseURL, status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
}

const isError = z.strictObject({
  error: z.strictObject({
    message: z.string().min(1),
    type: z.string(),
    param: z.string().nullable(),
    code: z.enum(Object.keys(egressErrors)),
  }),
});
const completion = z.looseObject({ choices: z.array(z.unknown()) });

/** The data of a stream, which must have nothing else in it. */
function framesOf(text: string): string[] {
  expect(text.endsWith('\n\n'), 'ends with a whole event').toBe(true);
  const frames = text.slice(0, -2).split('\n\n');
  return frames.map((frame) => /^(?:event: .*\n)?data: (.*)$/.exec(frame)?.[1] ?? expect.fail(`no event: ${frame.slice(0, 200)}`));
}

function expectWellFormed({ asked, status, type, text }: Awaited<ReturnType<typeof askOf>>): void {
  if (status !== 200) {
    const { code } = isError.parse(JSON.parse(text)).error;
    expect(new Map(Object.entries(egressErrors)).get(code)?.status).toBe(status);
  } else if (asked === 'stream') {
    expect(type).toMatch(/^text\/event-stream/);
    const frames = framesOf(text);
    for (const frame of frames.slice(0, -1)) z.looseObject({}).parse(JSON.parse(frame));
    const last = frames.at(-1) ?? '';
    if (last !== '[DONE]') isError.parse(JSON.parse(last));
  } else if (asked === 'chat') completion.parse(JSON.parse(text));
  else expect(text, 'vectors are megabytes, of which nothing but the outside is looked at').toMatch(/^\s*\{[^]*\}\s*$/);
}

const books = z.array(z.object({ tenant: z.string(), requests: z.number(), micro_usd: z.number() }));
const booked = `select tenant, requests::int, micro_usd::float8 from cloister_egress.usage where tenant = any(string_to_array($1, ' '))`;

test(
  'an unruly provider leads to a well-formed error or to an answer that ended, each attempt of it settled once',
  { timeout: 240_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(told, { minLength: 1, maxLength: 60 }), async (scenarios) => {
        const answers = await Promise.all(scenarios.map(askOf));
        for (const answer of answers) expectWellFormed(answer);
        const asked = answers.filter(({ baseURL }) => provider.asked(baseURL) > 0);
        const attempts = new Map(
          asked.map(({ tenant, baseURL, retries }) => [tenant, { heard: provider.asked(baseURL), most: 1 + retries }]),
        );
        await vi.waitFor(async () => {
          const lines = books.parse(await egress.sql.query(booked, [[...attempts.keys()].join(' ')]));
          expect(lines.map(({ tenant }) => tenant).toSorted()).toEqual([...attempts.keys()].toSorted());
          for (const { tenant, requests } of lines) {
            const { heard = NaN, most = NaN } = attempts.get(tenant) ?? {};
            // On a busy machine the time of the last attempt can be up before there is a connection: the provider hears nothing of it.
            expect(requests).toBeGreaterThanOrEqual(heard);
            expect(requests).toBeLessThanOrEqual(most);
          }
          for (const { requests, micro_usd } of lines) expect(micro_usd).toBeLessThanOrEqual(requests * dearest);
          for (const { tenant } of answers) expect(await egress.standing(tenant)).toMatchObject({ reserved: 0 });
        }, 10_000);
      }),
      { numRuns: 12 },
    );
    expect(egress.lines.join('')).not.toContain('unexpected error');
  },
);
