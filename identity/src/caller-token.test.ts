import { beforeAll, describe, expect, test, vi } from 'vitest';
import { callerSigner, callerVerifier, generateIdentityKeys, type IdentityKeys } from './caller-token.ts';

const caller = { tenant: 'acme', subject: 'key:1', scopes: ['chat'] };
const rules = (keys: IdentityKeys, audience = 'agent:acme') => ({ issuer: 'edge', audience, jwks: keys.jwks });
let keys: IdentityKeys;
beforeAll(async () => {
  keys = await generateIdentityKeys();
});

describe('a caller token', () => {
  test('carries the caller to the audience it was made for', async () => {
    const sign = await callerSigner(keys.privateKey, 'edge');
    await expect(callerVerifier(rules(keys))(await sign(caller, 'agent:acme'))).resolves.toEqual(caller);
  });
  test('is worth nothing to another tenant', async () => {
    const sign = await callerSigner(keys.privateKey, 'edge');
    await expect(callerVerifier(rules(keys, 'agent:bravo'))(await sign(caller, 'agent:acme'))).rejects.toThrow(/aud/);
  });
  test('of another key is refused', async () => {
    const sign = await callerSigner((await generateIdentityKeys()).privateKey, 'edge');
    await expect(callerVerifier(rules(keys))(await sign(caller, 'agent:acme'))).rejects.toThrow();
  });
  test('ends after a minute', async () => {
    const sign = await callerSigner(keys.privateKey, 'edge');
    const token = await sign(caller, 'agent:acme');
    vi.useFakeTimers({ now: Date.now() + 70_000, toFake: ['Date'] });
    await expect(callerVerifier(rules(keys))(token)).rejects.toThrow(/exp/);
    vi.useRealTimers();
  });
});
