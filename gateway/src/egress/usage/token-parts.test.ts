/** What providers tell apart of their tokens, input in their caches and written there, and reasoning, as tenants read it of their calls. */
import { voucherHeader } from '@cloister/tenancy';
import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { ledger } from '../budget/ledger.ts';
import { migrate } from '../budget/migrate.ts';
import { speaker, usage } from '../budget/speaker.fixture.ts';
import { pglite } from '../budget/sql/pglite.fixture.ts';
import { model } from '../egress.fixture.ts';
import { chunk, endMark, piece, stopChunk, streamed, type Answer } from '../providers/provider.double.ts';
import { providerUnderTest } from '../providers/provider.fixture.ts';
import { usageBooks } from './usage-books.ts';

const { egress, provider, running, become, chat } = await providerUnderTest('OpenAICompatible', { models: [model('m1'), model('m2')] });

const usageOf = (cached?: number, reasoning?: number, written?: number) => ({
  ...{ prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 },
  ...(cached !== undefined && {
    prompt_tokens_details: { cached_tokens: cached, ...(written !== undefined && { cache_write_tokens: written }) },
  }),
  ...(reasoning !== undefined && { completion_tokens_details: { reasoning_tokens: reasoning } }),
});
const choices = [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }];
const whole =
  (...parts: Parameters<typeof usageOf>): Answer =>
  (response) =>
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ id: 'c1', object: 'chat.completion', created: 1, model: 'x', choices, usage: usageOf(...parts) }));
const inPieces = (...parts: Parameters<typeof usageOf>): Answer =>
  streamed(piece('Hi'), stopChunk, chunk({ choices: [], usage: usageOf(...parts) }), endMark);

const caller = 'key:0123456789ab';
async function ask(answer: Answer, body: object = {}, onBehalf?: string): Promise<void> {
  provider.answer = answer;
  const headers = onBehalf === undefined ? {} : { [voucherHeader]: await egress.vouch(running.tenant, { caller: onBehalf }) };
  const said = await chat(body, headers);
  expect(said.status).toBe(200);
  await said.text();
}

const told = z.object({
  input_tokens: z.int(),
  output_tokens: z.int(),
  cached_tokens: z.int(),
  cache_write_tokens: z.int(),
  reasoning_tokens: z.int(),
});
const report = z.object({ total: told.extend({ requests: z.int() }), data: z.array(z.looseObject({ cached_tokens: z.int() })) });
/** Once so many calls are in the ledger. */
const read = (calls: number, query = '') =>
  vi.waitFor(async () => {
    const bearer = await egress.tokenOf('', { namespace: 'cloister-system', serviceAccount: 'edge' });
    const url = `${egress.url}/internal/tenants/${running.tenant}/uid-${running.tenant}/usage${query}`;
    const found = report.parse(await (await fetch(url, { headers: { authorization: `Bearer ${bearer}` } })).json());
    expect(found.total.requests).toBe(calls);
    return found;
  }, 5_000);
const counted = async (type: string) =>
  (await egress.registry.getSingleMetric('cloister_budget_token_parts_total')?.get())?.values.find(
    ({ labels }) => labels['tenant'] === running.tenant && labels['type'] === type,
  )?.value;

test('are told by day, model, agent and key, and by the metrics, as the provider told them', async () => {
  await become({ models: [`${running.tenant}/m1`, `${running.tenant}/m2`] });
  await ask(whole(80, 30, 15), {}, caller);
  await ask(inPieces(5, 7, 60), { stream: true });
  await ask(whole(40, 0), { model: `${running.tenant}/m2` });
  const { data, total } = await read(3, '?group_by=day,model,agent,key');
  const line = { agent: 'support', requests: 1, input_tokens: 100, output_tokens: 50 };
  const day = new Date().toISOString().slice(0, 10);
  expect(data).toMatchObject([
    { ...line, day, model: `${running.tenant}/m1`, key: '', cached_tokens: 5, cache_write_tokens: 60, reasoning_tokens: 7 },
    { ...line, day, model: `${running.tenant}/m1`, key: '0123456789ab', cached_tokens: 80, cache_write_tokens: 15, reasoning_tokens: 30 },
    { ...line, day, model: `${running.tenant}/m2`, key: '', cached_tokens: 40, cache_write_tokens: 0, reasoning_tokens: 0 },
  ]);
  expect(total).toMatchObject({ input_tokens: 300, output_tokens: 150, cached_tokens: 125, cache_write_tokens: 75, reasoning_tokens: 37 });
  expect((await read(1, '?key=0123456789ab')).total).toMatchObject({ cached_tokens: 80, cache_write_tokens: 15, reasoning_tokens: 30 });
  expect([await counted('cached'), await counted('cache_write'), await counted('reasoning')]).toEqual([125, 75, 37]);
});

test('are part of the sums, of which no provider makes more by telling more', async () => {
  await ask(whole(8_000, 3_000));
  expect((await read(1)).total).toMatchObject({ input_tokens: 100, output_tokens: 50, cached_tokens: 100, reasoning_tokens: 50 });
});

test('are nought where nothing is told of them', async () => {
  await ask(whole());
  expect((await read(1)).total).toMatchObject({
    input_tokens: 100,
    output_tokens: 50,
    cached_tokens: 0,
    cache_write_tokens: 0,
    reasoning_tokens: 0,
  });
});

describe('a ledger of the version before', () => {
  test.each([
    ['parts', 9, { cachedTokens: 4, cacheWriteTokens: 2, reasoningTokens: 3 }],
    ['writes to caches', 12, { cachedTokens: 8, cacheWriteTokens: 2, reasoningTokens: 6 }],
  ])('without %s is read when it is migrated, and goes on from what it has', { timeout: 60_000 }, async (_, version, known) => {
    await using sql = await pglite();
    await migrate(sql, version);
    const { say } = speaker(() => ledger(sql));
    const parts = { inputTokens: 10, cachedTokens: 4, cacheWriteTokens: 2, reasoningTokens: 3, agent: 'support', caller };
    await say({ usage: [usage(5, parts)] });
    await migrate(sql);
    await say({ usage: [usage(5, parts)] });
    const asked = { tenantUid: 'uid-acme', timeZone: 'UTC', from: undefined, to: undefined, by: ['key' as const], caller, agents: [] };
    const { lines } = await usageBooks(sql)(asked);
    expect(lines).toMatchObject([{ requests: 2, inputTokens: 20, outputTokens: 10, ...known }]);
  });
});
