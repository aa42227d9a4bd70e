/** Providers that tell of the account behind a key as if the request were at fault: who is told what, and who answers instead. */
import type { ProviderDocument } from '@cloister/tenancy';
import { beforeEach, describe, expect, test } from 'vitest';
import { ask, model } from '../egress.fixture.ts';
import { failure, type Answer } from '../providers/provider.double.ts';
import { twoProvidersUnderTest } from '../providers/two-providers.fixture.ts';

const { egress, provider: main, spare, errorOf, ...running } = await twoProvidersUnderTest();
const key = 'sk-of-the-tenant';

type Type = ProviderDocument['type'];
type Wording = readonly [who: string, type: Type, answer: Answer, ownKey: 'own_key_rejected' | 'own_key_spent' | 'own_key_limited'];
const said = (status: number, body: unknown) => failure(status, JSON.stringify(body));
const byAnthropic = (message: string) =>
  said(400, { type: 'error', error: { type: 'invalid_request_error', message }, request_id: 'req_1' });
const invalidKey = (message: string) => ({
  error: {
    ...{ code: 400, message, status: 'INVALID_ARGUMENT' },
    details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID', domain: 'googleapis.com' }],
  },
});
const balance = byAnthropic(
  'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.',
);

const wordings: readonly Wording[] = [
  ['Anthropic, whose credit is used up', 'Anthropic', balance, 'own_key_spent'],
  [
    'Anthropic, whose account has a limit',
    'Anthropic',
    byAnthropic('You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.'),
    'own_key_spent',
  ],
  [
    'Anthropic, whose workspace has a limit',
    'Anthropic',
    byAnthropic('You have reached your specified workspace API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.'),
    'own_key_spent',
  ],
  ['Anthropic, whose organization is disabled', 'Anthropic', byAnthropic('This organization has been disabled.'), 'own_key_rejected'],
  ['Anthropic, behind another gateway', 'OpenAICompatible', balance, 'own_key_spent'],
  [
    'OpenAI, whose limit is reached',
    'OpenAI',
    said(400, {
      error: {
        code: 'billing_hard_limit_reached',
        message: 'Billing hard limit has been reached',
        param: null,
        type: 'invalid_request_error',
      },
    }),
    'own_key_spent',
  ],
  [
    'OpenAI, whose account is not active',
    'OpenAI',
    said(429, {
      error: {
        message: 'Your account is not active, please check your billing details on our website.',
        type: 'billing_not_active',
        param: null,
        code: null,
      },
    }),
    'own_key_spent',
  ],
  [
    'OpenAI, whose quota is told by type alone',
    'OpenAI',
    said(429, { error: { message: 'You exceeded your current quota', type: 'insufficient_quota', param: null, code: null } }),
    'own_key_spent',
  ],
  [
    'Gemini, to whom a key is not valid',
    'Gemini',
    said(400, [invalidKey('API key not valid. Please pass a valid API key.')]),
    'own_key_rejected',
  ],
  [
    'Gemini, to whom a key has expired',
    'Gemini',
    said(400, [invalidKey('API key expired. Please renew the API key.')]),
    'own_key_rejected',
  ],
  [
    'Gemini, behind another gateway',
    'OpenAICompatible',
    said(400, invalidKey('API Key not found. Please pass a valid API key.')),
    'own_key_rejected',
  ],
  [
    'Gemini, whose project has no billing',
    'Gemini',
    said(400, [
      { error: { code: 400, message: 'Please enable billing on your project in Google AI Studio.', status: 'FAILED_PRECONDITION' } },
    ]),
    'own_key_spent',
  ],
  [
    'Bedrock, to whom an account is to have no access',
    'Bedrock',
    said(400, { __type: 'com.amazon.coral.service#AccessDeniedException', message: 'x' }),
    'own_key_rejected',
  ],
  ['Bedrock, whose quota is reached', 'Bedrock', said(400, { __type: 'ServiceQuotaExceededException', message: 'x' }), 'own_key_limited'],
  [
    'xAI, to whom a key is not valid',
    'OpenAICompatible',
    said(400, {
      code: 'Client specified an invalid argument',
      error: `Incorrect API key provided: ${key}. You can obtain an API key from https://console.x.ai.`,
    }),
    'own_key_rejected',
  ],
  [
    'Alibaba, whose account is in arrears',
    'OpenAICompatible',
    said(400, {
      error: {
        code: 'Arrearage',
        param: null,
        message: 'Access denied, please make sure your account is in good standing.',
        type: 'Arrearage',
      },
    }),
    'own_key_spent',
  ],
  [
    'LiteLLM, whose budget is used up',
    'OpenAICompatible',
    said(400, {
      error: {
        message: 'Budget has been exceeded! Current cost: 10.5, Max budget: 10.0',
        type: 'budget_exceeded',
        param: null,
        code: '400',
      },
    }),
    'own_key_spent',
  ],
];

const at = (price: number) => model('m1', { price: { inputPerMillion: price, outputPerMillion: price } });
const mainIs = (type: Type) => {
  const models = [{ ...at(1), fallbacks: ['spare/m1'] }];
  egress.addProvider('main', { type, baseURL: main.baseURL, credentials: { secretName: 'main', key: 'key' }, retries: 0, models });
};
let tenant: string;
beforeEach(() => {
  tenant = running.tenant();
  egress.credentials.put('main', { key: 'sk-of-the-platform' });
  egress.addProvider('spare', { baseURL: spare.baseURL, models: [at(0.1)] });
  egress.addProvider('dear', { baseURL: spare.baseURL, models: [at(5)] });
});
function owning(policy: object = {}): Promise<string> {
  egress.ownKeys.put(`tenant-${tenant}`, { tenant, uid: `uid-${tenant}`, keys: { main: key } });
  return egress.addTenant(tenant, { models: ['main/m1', 'spare/m1', 'dear/m1'], ownKeys: ['main'], ...policy });
}
const chat = (token: string, name = 'main/m1') => fetch(`${egress.url}/v1/chat/completions`, ask(token, { model: name }));
const statusOf = { own_key_rejected: 502, own_key_spent: 429, own_key_limited: 429 };

describe.each(wordings)('by %s', (_, type, answer, code) => {
  beforeEach(() => {
    mainIs(type);
    main.answer = answer;
  });
  test('a tenant with a key of its own is told of that, and nobody else answers and is paid', async () => {
    const refused = await chat(await owning());
    const text = await refused.clone().text();
    expect(await errorOf(refused)).toEqual([statusOf[code], code]);
    expect(text).not.toContain(key);
    expect(spare.asked).toEqual([]);
  });
  test('so it is where the budget has led to that model: none that is cheaper answers', async () => {
    const onExceeded = { action: 'Downgrade' as const, softLimitPercent: 1, downgradeTo: ['main/m1', 'spare/m1'] };
    const token = await owning({ budget: { timeZone: 'UTC', daily: { usd: 0.01 }, onExceeded } });
    expect(await errorOf(await chat(token, 'dear/m1'))).toEqual([statusOf[code], code]);
    expect([main.asked.length, spare.asked]).toEqual([1, []]);
  });
  test('where the key is the platform’s, its next model answers', async () => {
    const answered = await chat(await egress.addTenant(tenant, { models: ['main/m1', 'spare/m1'] }));
    expect([answered.status, spare.asked.length]).toEqual([200, 1]);
  });
});

describe('a request that is at fault is told so', () => {
  test.each<[string, Type, Answer]>([
    ['whatever of it is quoted', 'Anthropic', byAnthropic('messages.0: "Your credit balance is too low" is no role')],
    [
      'where a precondition is one of the request',
      'OpenAICompatible',
      said(400, { error: { message: 'x', status: 'FAILED_PRECONDITION' } }),
    ],
    [
      'by an error in a word',
      'OpenAICompatible',
      said(400, { code: 'Client specified an invalid argument', error: 'Argument not supported on this model: x' }),
    ],
  ])('%s', async (_, type, answer) => {
    mainIs(type);
    main.answer = answer;
    expect(await errorOf(await chat(await owning()))).toEqual([400, 'provider_rejected']);
    expect(spare.asked).toEqual([]);
  });
});
