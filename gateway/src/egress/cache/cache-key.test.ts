import { expect, test } from 'vitest';
import { cacheKeyOf, type CacheKey, type SameCall } from './cache-key.ts';
import { seal, unseal } from './seal.ts';

const call: SameCall = {
  tenantUid: 'u1',
  agent: 'support',
  provider: { name: 'openai', type: 'OpenAI', baseURL: 'https://one.example/v1' },
  whose: 'platform',
  model: 'm1',
  operation: 'chat',
  request: { messages: [{ role: 'user', content: 'Hi' }], temperature: 0 },
};

function keyOf(of: SameCall): CacheKey {
  const key = cacheKeyOf(of);
  if (!key) throw new Error('there is no key');
  return key;
}

test.each<[string, Partial<SameCall>]>([
  ['tenant', { tenantUid: 'u2' }],
  ['agent', { agent: 'sales' }],
  ['provider', { provider: { ...call.provider, name: 'other' } }],
  ['place of the provider', { provider: { ...call.provider, baseURL: 'https://two.example/v1' } }],
  ['version of the provider', { provider: { ...call.provider, apiVersion: '2026-01-01' } }],
  ['account with the provider', { whose: 'own' }],
  ['model', { model: 'm2' }],
  ['kind of call', { operation: 'embeddings' }],
  ['request', { request: { ...call.request, top_p: 1 } }],
  ['way to be answered', { request: { ...call.request, stream: true } }],
])('another %s is another call, kept elsewhere and sealed otherwise', (_, change) => {
  const [one, other] = [keyOf(call), keyOf({ ...call, ...change })];
  expect(other.address).not.toBe(one.address);
  expect(() => unseal(seal('answer', one.sealing), other.sealing)).toThrow();
});

test('the same call is the same, in whatever order its fields were written', () => {
  const request = { temperature: 0, messages: [{ content: 'Hi', role: 'user' }] };
  expect(keyOf({ ...call, request })).toEqual(keyOf(call));
});

test('who knows the address cannot open what is there, and what was changed is not opened', () => {
  const { address, sealing } = keyOf(call);
  const sealed = seal('Grüß Gott', sealing);
  expect(unseal(sealed, sealing)).toBe('Grüß Gott');
  expect(() => unseal(sealed, Buffer.from(address, 'base64url'))).toThrow();
  for (const place of [0, 15, 30]) {
    const changed = Buffer.from(sealed);
    changed[place] = (changed[place] ?? 0) ^ 1;
    expect(() => unseal(changed, sealing)).toThrow();
  }
});

test('a request that is nested without end has no key, and harms nobody', () => {
  const messages: unknown = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
  expect(cacheKeyOf({ ...call, request: { messages } })).toBeUndefined();
});
