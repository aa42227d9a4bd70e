/** What becomes of calls when most of a budget is used up. */
import type { TenantPolicy } from '@cloister/tenancy';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { ask, model } from '../egress.fixture.ts';
import { completion, failure, piece, stopChunk, streamed, usageChunk, type ProviderDouble } from '../providers/provider.double.ts';
import { twoProvidersUnderTest } from '../providers/two-providers.fixture.ts';

const noon = '2026-11-29T12:00:00Z';
const url = 'https://127.0.0.1:1';
const models = ['p/big', 'p/mid', 'p/small', 'spare/small', 'p/odd', 'p/writes'];
const { egress, provider, spare, errorOf, settled, ...running } = await twoProvidersUnderTest();
let [tenant, token] = ['', ''];
beforeEach(() => {
  tenant = running.tenant();
  const of = (name: string, inputPerMillion: number, outputPerMillion: number, maxOutputTokens = 1_000) =>
    model(name, { price: { inputPerMillion, outputPerMillion }, maxOutputTokens });
  const writes = model('writes', { price: { inputPerMillion: 5, cacheWritePerMillion: 12, outputPerMillion: 2 } });
  const offered = [of('big', 10, 20), of('mid', 5, 10), of('small', 1, 2, 500), of('odd', 1, 30), writes];
  egress.addProvider('p', { baseURL: provider.baseURL, models: offered });
  egress.addProvider('spare', { baseURL: spare.baseURL, models: [of('small', 1, 2)] });
});

interface Given {
  readonly usd: number;
  readonly onExceeded?: TenantPolicy['budget']['onExceeded'];
  readonly downgradeTo?: string[];
  readonly tokens?: number;
}
async function budgetOf({ usd, onExceeded, downgradeTo, tokens }: Given): Promise<void> {
  const agents = [{ name: 'support', url, ...(downgradeTo && { downgradeTo }) }];
  token = await egress.addTenant(tenant, { models, agents, budget: { timeZone: 'UTC', daily: { usd, tokens }, onExceeded } });
}
const downgrade = (...downgradeTo: string[]) => ({ action: 'Downgrade', softLimitPercent: 50, downgradeTo }) as const;
const chat = (body: object = {}) => fetch(`${egress.url}/v1/chat/completions`, ask(token, { model: 'p/big', max_tokens: 100, ...body }));
const asked = () => provider.asked.map(({ body }) => body['model']);
const answerWith = (answer: ProviderDouble['answer']) => {
  provider.answer = answer;
};
const records = () =>
  vi.waitFor(async () => {
    const text = 'select record::json as record from cloister_egress.audit_record where tenant_uid = $1 order by seq';
    const rows = await egress.sql.query(text, [`uid-${tenant}`]);
    expect(rows.length).toBeGreaterThan(0);
    return z
      .array(z.object({ record: z.looseObject({}) }))
      .parse(rows)
      .map(({ record }) => record);
  }, 3_000);
/** From the day before, in micro-dollars. */
const owe = (microUsd: number) =>
  egress.sql.query(
    `insert into cloister_egress.budget_window (tenant_uid, kind, starts_on, overrun_micro_usd, limit_micro_usd)
     values ($1, 'daily', cloister_egress.window_start('daily', 'UTC') - 1, $2, 0)`,
    [`uid-${tenant}`, microUsd],
  );
const counted = async (name: string) => {
  const { values } = (await egress.registry.getSingleMetric(name)?.get()) ?? { values: [] };
  return values.filter(({ labels }) => labels['tenant'] === tenant).reduce((sum, { value }) => sum + value, 0);
};

describe('Downgrade', () => {
  /** The half of the budget that is for dear models is spent by the first call. */
  beforeEach(() => answerWith(completion('x', 100, 50))); // 2,000 micro-dollars of big, 200 of small

  test('sends calls to the cheaper model once the soft share is spent, and says so', async () => {
    await budgetOf({ usd: 0.016, onExceeded: downgrade('p/small') });
    const seen: [number, string | null][] = [];
    for (let turn = 0; turn < 4; turn++) {
      const answer = await chat({ max_tokens: 50 });
      seen.push([answer.status, answer.headers.get('x-cloister-downgraded')]);
      await answer.text();
    }
    expect(seen).toEqual([
      [200, null],
      [200, 'p/small'],
      [200, 'p/small'],
      [200, 'p/small'],
    ]);
    expect(asked()).toEqual(['big', 'small', 'small', 'small']);
    await settled({ settled: 2_000 + 3 * 200, reserved: 0 });
    const usage = 'select model, requests::int, micro_usd::int as cost from cloister_egress.usage where tenant = $1 order by model';
    expect(await egress.sql.query(usage, [tenant])).toEqual([
      { model: 'p/big', requests: 1, cost: 2_000 },
      { model: 'p/small', requests: 3, cost: 600 },
    ]);
    expect([await counted('cloister_budget_downgraded_total'), await counted('cloister_budget_refused_total')]).toEqual([3, 0]);
  });

  test('takes what is owed from the day before for used', async () => {
    await budgetOf({ usd: 0.016, onExceeded: downgrade('p/small') });
    await owe(8_000);
    const answer = await chat({ max_tokens: 50 });
    expect([answer.status, answer.headers.get('x-cloister-downgraded')]).toEqual([200, 'p/small']);
  });

  test('is on record, with the model that was asked for and the one that answered', async () => {
    await budgetOf({ usd: 0.001, onExceeded: downgrade('p/small') });
    await (await chat({ max_tokens: 10, messages: [{ role: 'user', content: 'a' }] })).text();
    expect(await records()).toMatchObject([
      { model: 'p/big', downgradedTo: 'p/small', provider: 'p', tried: 'p/big budget_downgraded, p/small answered', outcome: 'answered' },
    ]);
  });

  test('says so before a stream begins', async () => {
    await budgetOf({ usd: 0.01, onExceeded: downgrade('p/small') });
    answerWith(streamed(piece('a'), stopChunk, usageChunk(10, 5), 'data: [DONE]\n\n'));
    const answer = await chat({ stream: true });
    expect([answer.headers.get('x-cloister-downgraded'), await answer.text()]).toEqual(['p/small', expect.stringContaining('"a"')]);
  });

  test('goes no further than the limit itself', async () => {
    await budgetOf({ usd: 0.002, onExceeded: downgrade('p/small') });
    const statuses: number[] = [];
    for (let turn = 0; turn < 10; turn++) statuses.push((await chat({ max_tokens: 50 })).status);
    expect(statuses.slice(0, 5)).toEqual([200, 200, 200, 200, 200]);
    const refused = await chat({ max_tokens: 50 });
    expect(refused.headers.get('x-cloister-downgraded')).toBeNull();
    expect(await errorOf(refused)).toEqual([429, 'budget_exceeded']);
    expect((await egress.standing(tenant)).settled).toBeLessThanOrEqual(2_000);
    expect(await counted('cloister_budget_refused_total')).toBeGreaterThan(0);
  });

  test.each([
    ['the first of the tenant’s list that is cheaper', { onExceeded: downgrade('p/big', 'p/odd', 'p/writes', 'p/mid') }, 'p/mid'],
    ['the agent’s own list before the tenant’s', { onExceeded: downgrade('p/mid'), downgradeTo: ['p/small'] }, 'p/small'],
    ['a model that the tenant may not use never', { onExceeded: downgrade('q/tiny', 'p/small') }, 'p/small'],
  ])('takes %s', async (_, given, expected) => {
    await budgetOf({ usd: 0.018, ...given });
    const answers = [await chat({ max_tokens: 200 }), await chat({ max_tokens: 200 })];
    expect(answers.map(({ headers }) => headers.get('x-cloister-downgraded'))).toEqual([expected, expected]);
  });

  test.each([
    ['is the cheapest that there is', { model: 'p/small' }],
    ['is the only one that takes so long an answer', { model: 'p/big', max_tokens: 800 }],
  ])('leaves a call alone whose model %s, up to the limit', async (_, body) => {
    await budgetOf({ usd: 0.025, onExceeded: downgrade('p/small') });
    const answer = await chat(body);
    expect([answer.status, answer.headers.get('x-cloister-downgraded')]).toEqual([200, null]);
  });

  test('passes over a cheaper model for which the platform has no key', async () => {
    const credentials = { secretName: 'not-there', key: 'key' };
    const small = model('small', { price: { inputPerMillion: 1, outputPerMillion: 2 } });
    egress.addProvider('spare', { baseURL: spare.baseURL, credentials, models: [small] });
    await budgetOf({ usd: 0.025, onExceeded: downgrade('spare/small') });
    for (let turn = 0; turn < 8; turn++) expect((await chat()).status).toBe(200);
    expect([...new Set(asked())]).toEqual(['big']);
  });

  test('does not shorten the answers of the dear model instead', async () => {
    await budgetOf({ usd: 0.04, onExceeded: downgrade('spare/small') }); // 20,000 for big, which reserves 26,000 for an answer of full length
    const answer = await chat({ max_tokens: undefined });
    expect([answer.headers.get('x-cloister-downgraded'), spare.asked[0]?.body['max_tokens']]).toEqual(['spare/small', 1_000]);
  });

  test('goes on to the next cheaper model where the first fails, and tells of that one’s failure where all do', async () => {
    await budgetOf({ usd: 0.01, onExceeded: downgrade('p/small', 'spare/small') });
    answerWith(failure(503, ''));
    const answer = await chat();
    expect([answer.headers.get('x-cloister-downgraded'), await answer.text()]).toEqual([
      'spare/small',
      expect.stringContaining('from spare'),
    ]);
    spare.answer = failure(503, '');
    const failed = await chat();
    expect(failed.headers.get('x-cloister-downgraded')).toBeNull();
    expect(await errorOf(failed)).toEqual([502, 'provider_failed']);
  });

  test('goes on to the next cheaper model where the first cannot be afforded any more', async () => {
    await budgetOf({ usd: 0.003, onExceeded: downgrade('p/mid', 'p/small') }); // mid reserves 4,000
    const answer = await chat();
    expect([answer.status, answer.headers.get('x-cloister-downgraded')]).toEqual([200, 'p/small']);
    expect(await counted('cloister_budget_refused_total')).toBe(0);
  });

  describe('whose cheaper model rejects the call, such as one that is longer than its context window', () => {
    const tooLong = failure(400, '{"error":{"message":"maximum context length is 100 tokens","code":"context_length_exceeded"}}');
    beforeEach(() => answerWith((response, one) => (one.body['model'] === 'small' ? tooLong : completion('x', 100, 50))(response, one)));

    test('goes on to the next', async () => {
      await budgetOf({ usd: 0.012, onExceeded: downgrade('p/small', 'p/mid') });
      const answer = await chat();
      expect([answer.status, answer.headers.get('x-cloister-downgraded'), asked()]).toEqual([200, 'p/mid', ['small', 'mid']]);
      await settled({ settled: 1_000, reserved: 0 });
    });

    test('is as without Downgrade where there is no other', async () => {
      await budgetOf({ usd: 0.012, onExceeded: downgrade('p/small') });
      const answer = await chat();
      expect([answer.status, answer.headers.get('x-cloister-downgraded'), asked()]).toEqual([200, null, ['small', 'big']]);
      await settled({ settled: 2_000, reserved: 0 });
      const tried = 'p/big budget_downgraded, p/small provider_rejected, p/big answered';
      expect(await records()).toMatchObject([{ model: 'p/big', provider: 'p', tried, outcome: 'answered' }]);
    });

    test('hears that the budget is spent where it is, and of the model that was asked for where that rejects it too', async () => {
      await budgetOf({ usd: 0.006, onExceeded: downgrade('p/small') });
      expect(await errorOf(await chat())).toEqual([429, 'budget_exceeded']);
      await budgetOf({ usd: 0.012, onExceeded: downgrade('p/small') });
      answerWith((response, one) => failure(400, `{"error":{"message":"no, says ${String(one.body['model'])}"}}`)(response, one));
      const answer = await chat();
      expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('no, says big')]);
    });
  });

  test('looks at tokens as it does at money', async () => {
    await budgetOf({ usd: 1, tokens: 1_000, onExceeded: downgrade('p/small') });
    expect((await chat()).headers.get('x-cloister-downgraded')).toBe('p/small');
  });
});

test('without a word on it a dear call is refused when the budget is spent, and shortened before', async () => {
  await budgetOf({ usd: 0.013 });
  const answer = await chat({ max_tokens: undefined });
  expect([answer.status, answer.headers.get('x-cloister-downgraded'), provider.asked[0]?.body['max_tokens']]).toEqual([200, null, 256]);
});

test('a debt of the day before that is as large as the budget leaves nothing of it', async () => {
  await budgetOf({ usd: 1 });
  await owe(1_000_000);
  const refused = await chat();
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await errorOf(refused)).toEqual([429, 'budget_exceeded']);
  expect(asked()).toEqual([]);
});

/** A fifth of 864 dollars a day is 2,000 micro-dollars a second. At noon half of it is released: 777.6 dollars in all. */
describe('Throttle', () => {
  const throttle = { action: 'Throttle', softLimitPercent: 80 } as const;
  beforeEach(async () => {
    await egress.sql.script(`create or replace function cloister_egress.clock() returns timestamptz language sql stable as $$
      select timestamptz '${noon}' + (clock_timestamp() - timestamptz '${new Date().toISOString()}') $$`);
    answerWith(completion('x', 100, 50));
    await budgetOf({ usd: 864, onExceeded: throttle });
  });
  const spent = (dollars: number) =>
    egress.sql.query(
      `insert into cloister_egress.budget_window (tenant_uid, kind, starts_on, settled_micro_usd) values ($1, 'daily', '2026-11-29', $2)`,
      [`uid-${tenant}`, Math.round(dollars * 1e6)],
    );

  test('leaves calls alone below the soft share, and below what was released since', async () => {
    await spent(777.5);
    const answer = await chat();
    expect([answer.status, answer.headers.get('x-cloister-throttled')]).toEqual([200, null]);
  });

  test('holds a call back until there is enough for it, and says for how long', async () => {
    await spent(777.6);
    const started = performance.now();
    const answer = await chat({ model: 'p/small', max_tokens: 500 }); // some 1,600
    expect([answer.status, answer.headers.get('x-cloister-throttled')]).toEqual([200, '1.0']);
    expect(performance.now() - started).toBeGreaterThan(950);
    expect(await records()).toMatchObject([{ model: 'p/small', throttledMs: 1_000, outcome: 'answered' }]);
    expect([await counted('cloister_budget_throttled_total'), await counted('cloister_budget_refused_total')]).toEqual([1, 0]);
  });

  test('refuses one that would have to wait for long, and says when there is enough', async () => {
    await spent(777.6);
    const refused = await chat({ max_tokens: 1_000 }); // some 26,000
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(10);
    expect(Number(refused.headers.get('retry-after'))).toBeLessThan(15);
    expect(await errorOf(refused)).toEqual([429, 'budget_throttled']);
    expect(asked()).toEqual([]);
    expect(await counted('cloister_budget_refused_total')).toBe(1);
  });

  test('goes no further than the limit itself', async () => {
    await spent(864);
    expect(await errorOf(await chat())).toEqual([429, 'budget_exceeded']);
  });

  test('takes what is owed from the day before for used', async () => {
    await owe(777_600_000);
    const refused = await chat({ max_tokens: 1_000 });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(10);
    expect(Number(refused.headers.get('retry-after'))).toBeLessThan(15);
    expect(await errorOf(refused)).toEqual([429, 'budget_throttled']);
  });

  test('lets a caller go who does not wait', async () => {
    await spent(777.6);
    const leaving = AbortSignal.timeout(200);
    await expect(
      fetch(`${egress.url}/v1/chat/completions`, { ...ask(token, { model: 'p/small', max_tokens: 500 }), signal: leaving }),
    ).rejects.toThrow();
    expect(await records()).toMatchObject([{ model: 'p/small' }]);
    expect(asked()).toEqual([]);
  });
});
