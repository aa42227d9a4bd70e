/** Calls of tenants that have a key of their own with a provider, beside tenants that have none. */
import type { TenantPolicy } from '@cloister/tenancy';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { exportOf } from '../audit/command.ts';
import { ask, model } from '../egress.fixture.ts';
import { completion, failure, type Answer } from '../providers/provider.double.ts';
import { twoProvidersUnderTest } from '../providers/two-providers.fixture.ts';

const { egress, provider: main, spare, errorOf, ...running } = await twoProvidersUnderTest();
const platform = { main: 'sk-of-the-platform', spare: 'sk-spare-of-the-platform' };
const refused = failure(401, JSON.stringify({ error: { message: 'Incorrect API key provided' } }));
const mainIs = (changes: object = {}) =>
  egress.addProvider('main', {
    ...{ baseURL: main.baseURL, credentials: { secretName: 'main', key: 'key' }, retries: 0 },
    ...{ models: [model('m1', { fallbacks: ['spare/m1'] })], embeddingModels: [{ ...model('small') }] },
    ...changes,
  });
let names: { readonly acme: string; readonly bravo: string; readonly other: string };
beforeEach(() => {
  const name = running.tenant();
  names = { acme: name, bravo: `${name}-bravo`, other: `${name}-other` };
  egress.credentials.put('main', { key: platform.main });
  egress.credentials.put('spare', { key: platform.spare });
  mainIs();
  egress.addProvider('spare', { baseURL: spare.baseURL, credentials: { secretName: 'spare', key: 'key' } });
});

const keyOf = (tenant: string, provider = 'main') => `sk-${provider}-of-${tenant}`;
/** The operator brings these. */
const bring = (tenant: string, keys: Readonly<Record<string, string>>, uid = `uid-${tenant}`) =>
  egress.ownKeys.put(`tenant-${tenant}`, { tenant, uid, keys });
const models = ['main/m1', 'main/small', 'spare/m1'];
/** A tenant that is to be called for with keys of its own, all of which are there. Gives its pods' token. */
function owning(tenant: string, providers: readonly string[] = ['main'], policy: Partial<TenantPolicy> = {}): Promise<string> {
  bring(tenant, Object.fromEntries(providers.map((provider) => [provider, keyOf(tenant, provider)])));
  return egress.addTenant(tenant, { models, ownKeys: [...providers], ...policy });
}
const chat = (token: string, body: object = {}) => fetch(`${egress.url}/v1/chat/completions`, ask(token, { model: 'main/m1', ...body }));
const sent = ({ asked }: typeof main) => asked.map(({ headers }) => headers.authorization?.replace('Bearer ', ''));
const recordOf = (tenant: string, calls: number) =>
  vi.waitFor(async () => {
    const lines: string[] = [];
    for await (const line of await exportOf(egress.sql, tenant)) lines.push(line);
    expect(lines).toHaveLength(calls + 2);
    return lines.join('\n');
  }, 3_000);

describe('a tenant with a key of its own', () => {
  test(
    'is called for with that, and others at the same moment with theirs or the platform’s, whatever connections they share',
    { timeout: 20_000 },
    async () => {
      const tokens = { [names.acme]: await owning(names.acme), [names.bravo]: await owning(names.bravo) };
      tokens[names.other] = await egress.addTenant(names.other, { models });
      const calls = Array.from({ length: 8 }, (_, turn) =>
        Object.entries(tokens).map(async ([tenant, token]) => {
          const answer = await chat(token, { stream: turn % 2 === 0, user: tenant });
          await answer.text();
        }),
      );
      await Promise.all(calls.flat());
      const pairs = main.asked.map(({ body, headers }) => `${String(body['user'])} ${headers.authorization}`);
      expect(pairs).toHaveLength(24);
      expect(new Set(pairs)).toEqual(
        new Set([
          `${names.acme} Bearer ${keyOf(names.acme)}`,
          `${names.bravo} Bearer ${keyOf(names.bravo)}`,
          `${names.other} Bearer ${platform.main}`,
        ]),
      );
    },
  );

  test('has its embeddings by it, too', async () => {
    const token = await owning(names.acme);
    await fetch(`${egress.url}/v1/embeddings`, { ...ask(token, {}), body: '{"model":"main/small","input":"Hi"}' });
    expect(sent(main)).toEqual([keyOf(names.acme)]);
  });

  test('is called for with the next one from the next call on, and a call in progress ends by the one before', async () => {
    const token = await owning(names.acme);
    const held = Promise.withResolvers<undefined>();
    const asked = Promise.withResolvers<undefined>();
    main.answer = (...call: Parameters<Answer>) => {
      asked.resolve(undefined);
      void held.promise.then(() => completion('late')(...call));
    };
    const before = chat(token);
    await asked.promise;
    bring(names.acme, { main: 'sk-the-next' });
    main.answer = completion('Hello');
    expect((await chat(token)).status).toBe(200);
    held.resolve(undefined);
    expect((await before).status).toBe(200);
    expect(sent(main)).toEqual([keyOf(names.acme), 'sk-the-next']);
  });

  test('pays from its budget, and its record says whose key it was, as a tenant’s without one does', async () => {
    const budget = { timeZone: 'UTC', daily: { usd: 1 } };
    await (await chat(await owning(names.acme, ['main'], { budget }))).text();
    await (await chat(await egress.addTenant(names.other, { models, budget }))).text();
    const [own, other] = [await recordOf(names.acme, 1), await recordOf(names.other, 1)];
    expect(own).toContain('"provider":"main","key":"own"');
    expect(other).toContain('"provider":"main","key":"platform"');
    for (const tenant of [names.acme, names.other])
      await vi.waitFor(async () => expect(await egress.standing(tenant)).toMatchObject({ settled: 20, tokens: 15 }), 3_000);
  });
});

describe('a key that is not there', () => {
  const missing = [503, 'own_key_missing'];
  const nobodyAsked = () => expect([...main.asked, ...spare.asked]).toEqual([]);

  test('fails the call: neither the platform’s is taken for it, nor does another model answer', async () => {
    const token = await owning(names.acme);
    egress.ownKeys.remove(`tenant-${names.acme}`);
    expect(await errorOf(await chat(token))).toEqual(missing);
    bring(names.acme, { spare: 'sk-of-another-provider' });
    expect(await errorOf(await chat(token))).toEqual(missing);
    nobodyAsked();
  });
  test('is told with its model and provider, on record, in the log and as a metric', async () => {
    const token = await owning(names.acme);
    bring(names.acme, {});
    const attempts = async () => (await egress.registry.getSingleMetric('cloister_egress_attempts_total')?.get())?.values ?? [];
    const told = async () =>
      (await attempts()).find(({ labels }) => labels['provider'] === 'main' && labels['outcome'] === 'own_key_missing')?.value ?? 0;
    const before = await told();
    const answer = await chat(token, { user: names.acme });
    expect(answer.headers.get('retry-after')).toBe('2');
    const facts = ['"model":"main/m1"', '"provider":"main"', '"key":"own"', '"code":"own_key_missing"'];
    for (const fact of facts) expect(await recordOf(names.acme, 1)).toContain(fact);
    const line = egress.lines.find((one) => one.includes(`"requestId":"${answer.headers.get('x-request-id')}"`));
    for (const fact of [...facts.slice(0, 3), '"problem":"own_key_missing"']) expect(line).toContain(fact);
    expect(await told()).toBe(before + 1);
  });
  test('is not that of an earlier tenant of the name', async () => {
    const token = await owning(names.acme);
    bring(names.acme, { main: 'sk-of-the-one-before' }, 'an-earlier-uid');
    expect(await errorOf(await chat(token))).toEqual(missing);
    nobodyAsked();
  });
  test('is missed where the provider is called with tenants’ own alone', async () => {
    mainIs({ ownKeys: 'Required' });
    expect(await errorOf(await chat(await egress.addTenant(names.other, { models })))).toEqual(missing);
    nobodyAsked();
  });
  test('is not made up for by what objects have by themselves', async () => {
    egress.addProvider('constructor', { baseURL: main.baseURL });
    const token = await owning(names.acme, ['constructor'], { models: ['constructor/m1'] });
    bring(names.acme, {});
    expect(await errorOf(await chat(token, { model: 'constructor/m1' }))).toEqual(missing);
    nobodyAsked();
  });
});

describe('a key that the provider', () => {
  test('rejects fails the call, in words that say whose it is, and keeps nobody else from the provider', async () => {
    const [bad, good] = [await owning(names.acme), await owning(names.bravo)];
    const other = await egress.addTenant(names.other, { models });
    main.answer = (response, asked) => (asked.headers.authorization?.endsWith(names.acme) ? refused : completion('Hello'))(response, asked);
    for (let turn = 0; turn < 12; turn++) expect(await errorOf(await chat(bad))).toEqual([502, 'own_key_rejected']);
    for (const token of [good, other]) expect((await chat(token)).status).toBe(200);
    expect(spare.asked).toEqual([]);
    bring(names.acme, { main: 'sk-a-right-one' });
    expect((await chat(bad)).status).toBe(200);
  });
  test.each([
    ['says so as OpenAI does', failure(429, JSON.stringify({ error: { message: 'quota', code: 'insufficient_quota' } }))],
    ['wants to be paid', failure(402, '')],
  ])('has no money for fails the call, and the platform does not pay instead: it %s', async (_, answer) => {
    main.answer = answer;
    expect(await errorOf(await chat(await owning(names.acme)))).toEqual([429, 'own_key_spent']);
    expect(spare.asked).toEqual([]);
  });
  const exhausted = [{ error: { code: 429, message: 'Quota exceeded for metric', status: 'RESOURCE_EXHAUSTED' } }];
  describe.each([
    ['in a word', ''],
    ['as OpenAI does', JSON.stringify({ error: { message: 'Rate limit reached for requests', code: 'rate_limit_exceeded' } })],
    ['as Gemini does, with whom it may be the quota of a day', JSON.stringify(exhausted)],
  ])('holds back, saying so %s', (_, text) => {
    beforeEach(() => {
      main.answer = failure(429, text, { 'retry-after': '17' });
    });
    test('fails the call for as long as it says, and the platform does not pay instead', async () => {
      const answer = await chat(await owning(names.acme));
      expect(answer.headers.get('retry-after')).toBe('17');
      expect(await errorOf(answer)).toEqual([429, 'own_key_limited']);
      expect(spare.asked).toEqual([]);
    });
    test('does so among cheaper models, too', async () => {
      const token = await downgraded(['main', 'cheapest']);
      expect(await errorOf(await chat(token, { model: 'dear/m1' }))).toEqual([429, 'own_key_limited']);
      expect([main.asked.length, spare.asked]).toEqual([1, []]);
    });
  });
});

describe('where a provider fails, the next in line is called', () => {
  beforeEach(() => {
    main.answer = failure(503, 'down');
  });
  test.each([
    ['with the tenant’s own key, where it has one with it', ['main', 'spare'], () => keyOf(names.acme, 'spare'), '(own key) answered'],
    ['with the platform’s key, where the tenant has none with it', ['main'], () => platform.spare, 'answered'],
  ])('%s', async (_, providers, key, ending) => {
    expect((await chat(await owning(names.acme, providers))).status).toBe(200);
    expect(sent(spare)).toEqual([key()]);
    expect(await recordOf(names.acme, 1)).toContain(`"tried":"main/m1 (own key) provider_failed, spare/m1 ${ending}"`);
  });
  test('but not one for which a key of the tenant’s own is missing, nor what comes after it', async () => {
    mainIs({ models: [model('m1', { fallbacks: ['spare/m1', 'offline/echo'] })] });
    const token = await owning(names.acme, ['main', 'spare'], { models: [...models, 'offline/echo'] });
    bring(names.acme, { main: keyOf(names.acme) });
    expect(await errorOf(await chat(token))).toEqual([503, 'own_key_missing']);
    expect(spare.asked).toEqual([]);
    expect(await recordOf(names.acme, 1)).toContain('"tried":"main/m1 (own key) provider_failed, spare/m1 (own key) own_key_missing"');
  });
  test('and it is told of a key of the tenant’s own that fails there, so that the agent asks nobody else', async () => {
    spare.answer = refused;
    expect(await errorOf(await chat(await owning(names.acme, ['main', 'spare'])))).toEqual([502, 'own_key_rejected']);
    const token = await downgraded(['main', 'spare', 'cheapest'], ['main', 'spare']);
    expect(await errorOf(await chat(token, { model: 'dear/m1' }))).toEqual([502, 'own_key_rejected']);
  });
});

/** A tenant whose budget leaves these, in order, in the place of "dear/m1"; with keys of its own for the first ones. Gives its pods' token. */
function downgraded(cheaper: readonly string[], owned = cheaper.slice(0, 1)): Promise<string> {
  const at = (price: number) => ({ models: [model('m1', { price: { inputPerMillion: price, outputPerMillion: price } })] });
  egress.addProvider('dear', { baseURL: main.baseURL, ...at(5) });
  mainIs(at(1));
  egress.addProvider('spare', { baseURL: spare.baseURL, ...at(0.5) });
  egress.addProvider('cheapest', { baseURL: spare.baseURL, ...at(0.1) });
  const onExceeded = { action: 'Downgrade' as const, softLimitPercent: 1, downgradeTo: cheaper.map((name) => `${name}/m1`) };
  const budget = { timeZone: 'UTC', daily: { usd: 0.01 }, onExceeded };
  return owning(names.acme, owned, { models: ['dear/m1', ...onExceeded.downgradeTo], budget });
}

test('a budget that is spent does not lead past a cheaper model whose key is missing, to one that others pay for', async () => {
  const token = await downgraded(['spare', 'cheapest']);
  bring(names.acme, {});
  expect(await errorOf(await chat(token, { model: 'dear/m1' }))).toEqual([503, 'own_key_missing']);
  bring(names.acme, { spare: keyOf(names.acme, 'spare') });
  expect((await chat(token, { model: 'dear/m1' })).status).toBe(200);
  expect([sent(main), sent(spare)]).toEqual([[], [keyOf(names.acme, 'spare')]]);
});

test('answers are given again to the tenant that had them by the same account alone', async () => {
  const agents = [{ name: 'support', url: 'https://127.0.0.1:1', cacheSeconds: 60 }];
  const again = { agents, cacheBytes: 1_000_000 };
  const same = (token: string) =>
    chat(token, { temperature: 0 }).then(async (answer) => [answer.headers.get('x-cloister-cache'), await answer.text()][0]);
  const platforms = await egress.addTenant(names.acme, { models, ...again });
  expect([await same(platforms), await same(platforms)]).toEqual(['miss', 'hit']);
  const own = await owning(names.acme, ['main'], again);
  expect([await same(own), await same(own)]).toEqual(['miss', 'hit']);
  expect(await same(await owning(names.bravo, ['main'], again))).toBe('miss');
  bring(names.acme, {});
  expect(await errorOf(await chat(own, { temperature: 0 }))).toEqual([503, 'own_key_missing']);
});

test('no key is in an answer, a log line, a metric or a record, whatever the provider does with it', async () => {
  const token = await owning(names.acme);
  const key = keyOf(names.acme);
  const texts: string[] = [];
  for (const status of [400, 401, 403, 404, 429, 500])
    for (const message of [`what is "Bearer ${key}"?`, 'no']) {
      main.answer = failure(status, JSON.stringify({ error: { message, param: key } }));
      texts.push(await (await chat(token)).text());
    }
  main.answer = completion('Hello');
  await (await chat(token)).text();
  texts.push(await recordOf(names.acme, 13), egress.lines.join(''), await egress.registry.metrics());
  expect(texts.filter((text) => text.includes(key))).toEqual([]);
});
