/** Limits by the minute and of what is in progress, of a tenant, a key and a user. */
import { tenantSecrets } from '@cloister/tenancy';
import { RateLimitError } from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, openai } from './support/http.ts';
import { agentName, createTenant, deleteTenant, secretValue, type LiveTenant } from './support/tenants.ts';
import { shareSecret, userToken } from './support/tokens.ts';
import { openWorld, type World } from './support/world.ts';

let world: World;
let other: LiveTenant;
let hasty: LiveTenant;
let ofUsers: LiveTenant;
const limitedKeys = [
  { name: 'few', scopes: ['chat'], rateLimits: { requestsPerMinute: 2, tokensPerMinute: 10_000 } },
  { name: 'wordy', scopes: ['chat'], rateLimits: { tokensPerMinute: 50 } },
  { name: 'single', scopes: ['chat'], rateLimits: { concurrentRequests: 1 } },
];
beforeAll(async () => {
  world = await openWorld();
  [other, hasty, ofUsers] = await Promise.all([
    createTenant(world, { name: 'limit-none', spec: { access: { apiKeys: [{ name: 'default', scopes: ['chat'] }, ...limitedKeys] } } }),
    createTenant(world, { name: 'limit-rate', spec: { rateLimits: { requestsPerMinute: 5 } } }),
    createTenant(world, { name: 'limit-users', spec: { rateLimits: { perUser: { requestsPerMinute: 4, concurrentRequests: 1 } } } }),
  ]);
  await shareSecret(world, ofUsers);
});
afterAll(async () => {
  await Promise.all(['limit-none', 'limit-rate', 'limit-users'].map((name) => deleteTenant(world, name)));
});

const keyOf = (name: string) => secretValue(world, other.namespace, tenantSecrets.apiKey(name), 'key');
const chatOf = ({ url }: LiveTenant, credential: string) => openai(`${url}/v1`, credential).chat.completions;
const saying = (content: string) => ({ model: agentName, messages: [{ role: 'user' as const, content }] });

/** The refusal; anything else is thrown. */
async function refusalOf(asking: Promise<unknown>): Promise<RateLimitError> {
  const refusal: unknown = await asking.catch((error: unknown) => error);
  if (!(refusal instanceof RateLimitError)) throw new Error('the request was not refused', { cause: refusal });
  expect(refusal.code).toBe('rate_limit_exceeded');
  expect(Number(refusal.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(Number(refusal.headers.get('retry-after'))).toBeLessThanOrEqual(61);
  return refusal;
}
const limitsIn = (headers: Headers, what: 'requests' | 'tokens') =>
  ['limit', 'remaining'].map((name) => headers.get(`x-ratelimit-${name}-${what}`));

test('more requests in a minute than allowed are refused with the time to wait', async () => {
  const answers = await Promise.all(Array.from({ length: 12 }, () => call(`${hasty.url}/v1/models`, { key: hasty.key })));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
  const refused = answers.find(({ status }) => status === 429);
  expect(refused?.text).toContain('rate_limit_exceeded');
  expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(0);
  expect(refused?.headers['x-ratelimit-limit-requests']).toBe('5');
});

describe('the openai client', () => {
  test('reads what is left of its limits in every answer, and in a refusal how long to wait', async () => {
    const few = chatOf(other, await keyOf('few'));
    const first = await few.create(saying('say 3 words')).withResponse();
    expect(limitsIn(first.response.headers, 'requests')).toEqual(['2', '1']);
    expect(limitsIn(first.response.headers, 'tokens')).toEqual(['10000', '10000']);
    expect(first.response.headers.get('x-ratelimit-reset-requests')).toMatch(/^\d+s$/);
    const second = await few.create(saying('say 3 words')).withResponse();
    expect(limitsIn(second.response.headers, 'requests')).toEqual(['2', '0']);
    expect(limitsIn(second.response.headers, 'tokens')).toEqual(['10000', String(10_000 - (first.data.usage?.total_tokens ?? 0))]);

    const refusal = await refusalOf(few.create(saying('say 3 words')));
    expect(refusal.message).toContain('spec.access.apiKeys[few].rateLimits.requestsPerMinute');
    expect(limitsIn(refusal.headers, 'requests')).toEqual(['2', '0']);
  });

  test('is refused once the tokens of a minute are used up, which a stream uses like any other answer; other keys go on', async () => {
    const wordy = chatOf(other, await keyOf('wordy'));
    const stream = await wordy.create({ ...saying('say 60 words'), stream: true });
    let pieces = 0;
    for await (const chunk of stream) pieces += chunk.choices.length;
    expect(pieces).toBeGreaterThan(59);

    const refusal = await refusalOf(wordy.create(saying('say 3 words')));
    expect(refusal.message).toContain('spec.access.apiKeys[wordy].rateLimits.tokensPerMinute');
    expect(limitsIn(refusal.headers, 'tokens')).toEqual(['50', '0']);
    expect(refusal.headers.get('x-ratelimit-reset-tokens')).toMatch(/^\d+s$/);
    expect((await chatOf(other, other.key).create(saying('say 3 words'))).usage?.completion_tokens).toBe(3);
  });

  test('waits as long as it is told to, and is served', async () => {
    const single = chatOf(other, await keyOf('single'));
    const stream = await single.create({ ...saying('slowly say 20 words'), stream: true });
    await expect(single.create(saying('say 3 words'))).rejects.toThrow(RateLimitError);
    const patient = single.create(saying('say 3 words'), { maxRetries: 5 });
    let pieces = 0;
    for await (const chunk of stream) pieces += chunk.choices.length;
    expect(pieces).toBeGreaterThan(19);
    expect((await patient).usage?.completion_tokens).toBe(3);
  });
});

describe('a user', () => {
  const as = (sub: string) => chatOf(ofUsers, userToken(ofUsers.name, sub));
  const served = async (sub: string) => (await as(sub).create(saying('say 3 words'))).usage?.completion_tokens === 3;

  test('that asks more often than each may is refused, by every token; other users, and keys, go on', async () => {
    for (let request = 1; request <= 4; request++) expect(await served('ada')).toBe(true);
    const again = openai(`${ofUsers.url}/v1`, userToken(ofUsers.name, 'ada', { session: 'another' })).chat.completions;
    for (const chat of [as('ada'), again]) {
      const refusal = await refusalOf(chat.create(saying('say 3 words')));
      expect(refusal.message).toContain('spec.rateLimits.perUser.requestsPerMinute');
      expect(limitsIn(refusal.headers, 'requests')).toEqual(['4', '0']);
    }
    expect(await served('bob')).toBe(true);
    expect((await chatOf(ofUsers, ofUsers.key).create(saying('say 3 words'))).usage?.completion_tokens).toBe(3);
  });

  test('has as many requests in progress as each may; others go on beside it, and it does once one of them has ended', async () => {
    const stream = await as('cyd').create({ ...saying('slowly say 20 words'), stream: true });
    const refusal = await refusalOf(as('cyd').create(saying('say 3 words')));
    expect(refusal.message).toContain('spec.rateLimits.perUser.concurrentRequests');
    expect(await served('dan')).toBe(true);
    let pieces = 0;
    for await (const chunk of stream) pieces += chunk.choices.length;
    expect(pieces).toBeGreaterThan(19);
    expect(await served('cyd')).toBe(true);
  });
});
