/** What happens to a call whose provider does not answer as it should. */
import { voucherHeader } from '@cloister/tenancy';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ask, model, type EgressUnderTest } from '../egress.fixture.ts';
import {
  beginStream,
  completion,
  endMark,
  failure,
  inTurn,
  piece,
  stopChunk,
  streamed,
  usageChunk,
  type ProviderDouble,
} from '../providers/provider.double.ts';
import { twoProvidersUnderTest } from '../providers/two-providers.fixture.ts';

const { egress, provider: first, spare, errorOf, settled, ...running } = await twoProvidersUnderTest();
let [tenant, token] = ['', ''];
beforeEach(async () => {
  tenant = running.tenant();
  token = await running.addTenant();
});

/** Providers are the tenant's own here, so that what one test does to them is not felt in the next. */
function providers(changes: Parameters<EgressUnderTest['addProvider']>[1] = {}, fallbacks: readonly string[] = []) {
  egress.addProvider(tenant, { baseURL: first.baseURL, models: [model('m1', { fallbacks: [...fallbacks] })], ...changes });
  egress.addProvider(`${tenant}-spare`, { baseURL: spare.baseURL });
}
const chat = (body: object = {}, signal?: AbortSignal, headers: Record<string, string> = {}) =>
  fetch(`${egress.url}/v1/chat/completions`, { ...ask(token, { model: `${tenant}/m1`, ...body }, headers), ...(signal ? { signal } : {}) });
const logged = (text: RegExp) =>
  vi.waitFor(() => expect(egress.lines.filter((line) => line.includes(`"${tenant}"`)).join('')).toMatch(text));
const answer = (to: ProviderDouble, ...answers: Parameters<typeof inTurn>) => {
  to.answer = inTurn(...answers);
};

describe('a call that failed is sent again', () => {
  test('until it is answered, as often as its ModelProvider says, and only the answer is billed', async () => {
    providers({ retries: 2 });
    answer(first, failure(503, ''), failure(529, '<html>'), completion('at last', 100, 50));
    expect(await (await chat()).text()).toContain('at last');
    expect(first.asked).toHaveLength(3);
    await settled({ settled: 200, reserved: 0, tokens: 150 });
    await logged(/"attempts":3,"tried":"(\S+) provider_failed, \1 provider_failed, \1 answered"/);
  });

  test('and no more often', async () => {
    providers({ retries: 1 });
    answer(first, failure(503, ''));
    expect(await errorOf(await chat())).toEqual([502, 'provider_failed']);
    expect(first.asked).toHaveLength(2);
    await settled({ settled: 0, reserved: 0 });
  });

  test.each([
    ['a budget', { timeZone: 'UTC', daily: { usd: 1 } }],
    ['none', { timeZone: 'UTC' }],
  ])('and each time counts as a request of a tenant that has %s, though it cost nothing', async (_, budget) => {
    providers({ retries: 1 });
    token = await egress.addTenant(tenant, { models: [`${tenant}/m1`], budget });
    answer(first, failure(503, ''));
    await chat();
    const usage = 'select requests::int, micro_usd::int as cost from cloister_egress.usage where tenant = $1';
    await vi.waitFor(async () => expect(await egress.sql.query(usage, [tenant])).toEqual([{ requests: 2, cost: 0 }]), 3000);
  });

  test('not before the provider wants it to', async () => {
    providers({ retries: 1 });
    const times: number[] = [];
    first.answer = (response, asked) => {
      times.push(performance.now());
      (times.length === 1 ? failure(429, '{}', { 'retry-after': '1' }) : completion('later'))(response, asked);
    };
    expect((await chat()).status).toBe(200);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(990);
  });

  test('where a stream ended before anything of it had come, and what that may have cost is settled by itself', async () => {
    providers({ retries: 1 });
    answer(first, streamed(), streamed(piece('whole'), stopChunk, usageChunk(10, 5), endMark));
    expect(await (await chat({ stream: true })).text()).toBe(piece('whole') + stopChunk + endMark);
    await settled({ reserved: 0 });
    const usage = 'select requests::int from cloister_egress.usage where tenant = $1';
    await vi.waitFor(async () => expect(await egress.sql.query(usage, [tenant])).toEqual([{ requests: 2 }]), 3000);
  });

  test('where no first token came in time', async () => {
    providers({ retries: 1, firstTokenSeconds: 1 });
    answer(first, (response) => beginStream(response).flushHeaders(), streamed(piece('soon'), stopChunk, endMark));
    expect(await (await chat({ stream: true })).text()).toContain('soon');
  });

  test.each([400, 401, 404])('not after status %i, which would be the same again', async (status) => {
    providers({ retries: 2 });
    answer(first, failure(status, '{}'));
    await chat();
    expect(first.asked).toHaveLength(1);
  });

  test('never once something has gone to the caller', async () => {
    providers({ retries: 2 }, [`${tenant}-spare/m1`]);
    answer(first, (response) => {
      beginStream(response).write(piece('one'));
      setTimeout(() => response.destroy(), 20);
    });
    expect(await (await chat({ stream: true })).text()).toMatch(/one.*\n\ndata: \{"error":\{.*"code":"provider_unreachable"\}\}\n\n$/);
    expect([first.asked.length, spare.asked.length]).toEqual([1, 0]);
    await settled({ reserved: 0 });
  });

  const little = { daily: { usd: 0.0008 } };
  const user = `user:${'0'.repeat(32)}`;
  test.each([
    ['tenant', 'key:0123456789ab', { ofTenant: little }],
    ['agent', 'key:0123456789ab', { ofAgent: little }],
    ['API key', 'key:0123456789ab', { ofKey: little }],
    ['user', user, { perUser: little }],
  ])('not where the budget of the %s has no room for it, and the caller hears what was wrong with the provider', async (_, caller, own) => {
    const { ofTenant, ofAgent, ofKey, perUser }: Partial<Record<'ofTenant' | 'ofAgent' | 'ofKey' | 'perUser', typeof little>> = own;
    providers({ retries: 2 });
    const agents = [{ name: 'support', url: 'https://127.0.0.1:1', budget: ofAgent }];
    const budget = { timeZone: 'UTC', perUser, daily: { usd: 1 }, ...ofTenant };
    token = await egress.addTenant(tenant, { models: [`${tenant}/m1`], agents, budget });
    answer(first, (response) => void setTimeout(() => response.destroy(), 200));
    const headers = { [voucherHeader]: await egress.vouch(tenant, { caller, budget: ofKey }) };
    expect(await errorOf(await chat({ max_tokens: 100 }, undefined, headers))).toEqual([502, 'provider_unreachable']);
    expect(first.asked).toHaveLength(1);
    await logged(/"tried":"\S+ provider_unreachable, \S+ budget_exceeded"/);
    await settled({ reserved: 0 });
    for (const part of ['support', caller])
      expect(await egress.standing(`${tenant}/${part}`), 'each attempt counts in all').toEqual(await egress.standing(tenant));
  });

  test('not for a caller that has left', async () => {
    providers({ retries: 1 });
    const leave = new AbortController();
    answer(first, (response) => {
      failure(429, '{}', { 'retry-after': '1' })(response, { headers: {}, body: {}, url: '' });
      setTimeout(() => leave.abort(), 50);
    });
    await expect(chat({}, leave.signal)).rejects.toThrow();
    await logged(/"aborted":true/);
    await settled({ settled: 0, reserved: 0 });
    expect(first.asked).toHaveLength(1);
  });
});

describe('another model answers', () => {
  test('in the order of the ModelProvider, billed as itself', async () => {
    providers({}, ['nobody/m1', `${tenant}-spare/m1`]);
    answer(first, failure(503, ''));
    expect(await (await chat()).text()).toContain('from spare');
    await logged(new RegExp(`"tried":"${tenant}/m1 provider_failed, ${tenant}-spare/m1 answered"`));
    await settled({ tokens: 15 });
    const usage = 'select model from cloister_egress.usage where tenant = $1 and input_tokens > 0';
    expect(await egress.sql.query(usage, [tenant])).toEqual([{ model: `${tenant}-spare/m1` }]);
  });

  test.each([
    ['cannot be connected to', { baseURL: 'http://127.0.0.1:1/v1' }],
    ['has lost its credential', { credentials: { secretName: 'lost', key: 'key' } }],
  ])('where the provider %s', async (_, changes) => {
    providers(changes, [`${tenant}-spare/m1`]);
    expect(await (await chat()).text()).toContain('from spare');
  });

  test('not where the request is at fault', async () => {
    providers({}, [`${tenant}-spare/m1`]);
    answer(first, failure(400, '{"error":{"message":"bad tool"}}'));
    expect(await errorOf(await chat())).toEqual([400, 'provider_rejected']);
    expect(spare.asked).toEqual([]);
  });

  test('not one that the tenant may not use', async () => {
    providers({}, [`${tenant}-spare/m1`]);
    token = await egress.addTenant(tenant, { models: [`${tenant}/m1`] });
    answer(first, failure(500, ''));
    expect(await errorOf(await chat())).toEqual([502, 'provider_failed']);
    expect(spare.asked).toEqual([]);
  });

  test('and where that fails too, the caller hears about the one that it asked for', async () => {
    providers({}, [`${tenant}-spare/m1`]);
    answer(first, failure(429, '{}', { 'retry-after': '30' }));
    answer(spare, failure(400, '{}'));
    const answered = await chat();
    expect(answered.headers.get('retry-after')).toBe('30');
    expect(await errorOf(answered)).toEqual([429, 'provider_rate_limited']);
  });
});

describe('a provider that fails again and again', () => {
  test('is left alone for a while, and the next in line answers without waiting for it', async () => {
    providers({}, [`${tenant}-spare/m1`]);
    answer(first, failure(503, ''));
    for (let turn = 0; turn < 7; turn++) expect((await chat()).status).toBe(200);
    expect(first.asked).toHaveLength(5);
    await logged(/provider_unavailable/);
    expect(await egress.registry.metrics()).toMatch(/cloister_egress_open_circuits [1-9]/);
  });

  test('is not left alone for other tenants, whose requests it may well answer', async () => {
    providers();
    answer(first, failure(503, ''));
    for (let turn = 0; turn < 6; turn++) await chat();
    expect(await errorOf(await chat())).toEqual([503, 'provider_unavailable']);
    answer(first, completion('for others'));
    const other = await egress.addTenant(`${tenant}-other`, { models: [`${tenant}/m1`] });
    const answered = await fetch(`${egress.url}/v1/chat/completions`, ask(other, { model: `${tenant}/m1` }));
    expect(await answered.text()).toContain('for others');
  });

  test('is left alone for everybody where it cannot be connected to', async () => {
    providers({ baseURL: 'http://127.0.0.1:1/v1' });
    for (let turn = 0; turn < 5; turn++) expect(await errorOf(await chat())).toEqual([502, 'provider_unreachable']);
    const other = await egress.addTenant(`${tenant}-other`, { models: [`${tenant}/m1`] });
    const answered = await fetch(`${egress.url}/v1/chat/completions`, ask(other, { model: `${tenant}/m1` }));
    expect(Number(answered.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await errorOf(answered)).toEqual([503, 'provider_unavailable']);
  });
});

test('a provider has no more calls in progress than it allows: others wait a moment, and then hear so', async () => {
  providers({ concurrentCallsPerReplica: 1 });
  const release = Promise.withResolvers<undefined>();
  first.answer = (response, asked) => void release.promise.then(() => completion('slow')(response, asked));
  const slow = chat();
  await vi.waitFor(() => expect(first.asked).toHaveLength(1));
  expect(await egress.registry.metrics()).toContain(`cloister_egress_calls_in_progress{provider="${tenant}"} 1`);
  expect(await errorOf(await chat())).toEqual([503, 'provider_busy']);
  const waiting = chat();
  release.resolve(undefined);
  expect([(await slow).status, (await waiting).status]).toEqual([200, 200]);
  await settled({ reserved: 0, tokens: 30 });
});

test('the record of a call tells of all its attempts', async () => {
  providers({ retries: 1 });
  answer(first, failure(503, ''), completion('at last'));
  expect((await chat()).status).toBe(200);
  const records = async () =>
    JSON.stringify(await egress.sql.query('select record from cloister_egress.audit_record where tenant_uid = $1', [`uid-${tenant}`]));
  await vi.waitFor(async () => expect(await records()).toMatch(/"attempts\W+2\b.*provider_failed, .* answered/), 3000);
});

test('an answer may be silent for as long as its ModelProvider says', async () => {
  providers({ idleSeconds: 1 });
  answer(first, (response) => void beginStream(response).write(piece('one')));
  expect(await (await chat({ stream: true })).text()).toMatch(/did not answer within 1 s.*"code":"provider_timeout"/);
});

test('a stream whose time is up in the middle ends with an error event', async () => {
  providers({ timeoutSeconds: 1 });
  answer(first, (response) => {
    const timer = setInterval(() => response.write(piece(' word')), 50);
    beginStream(response).once('close', () => clearInterval(timer));
  });
  expect(await (await chat({ stream: true })).text()).toMatch(/ word.*\n\ndata: \{"error":\{.*"code":"provider_timeout"\}\}\n\n$/);
  await settled({ reserved: 0 });
});

test('all attempts together take no longer than the provider is allowed', async () => {
  providers({ retries: 5, timeoutSeconds: 1, firstTokenSeconds: 1 });
  answer(first, failure(503, '', { 'retry-after': '2' }));
  expect(await errorOf(await chat())).toEqual([502, 'provider_failed']);
  expect(first.asked).toHaveLength(1);
});
