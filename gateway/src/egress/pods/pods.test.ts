import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ask, egressUnderTest, type EgressUnderTest, type TokenChanges } from '../egress.fixture.ts';
import { clusterKeys } from './cluster-keys.ts';
import { podVerifier } from './pod-token.ts';

let egress: EgressUnderTest;
beforeAll(async () => {
  egress = await egressUnderTest();
  await egress.addTenant('acme');
  await egress.addTenant('bravo', { models: ['offline/echo', 'offline/other'] });
}, 60_000);
afterAll(() => egress[Symbol.asyncDispose]());

const statusOf = async (token: string) =>
  (await fetch(`${egress.url}/v1/models`, { headers: { authorization: `Bearer ${token}` } })).status;

describe('the token of a pod', () => {
  test('opens egress for the tenant of its namespace', async () => {
    const token = await egress.tokenOf('bravo');
    const answer = await fetch(`${egress.url}/v1/models`, { headers: { authorization: `Bearer ${token}` } });
    expect(await answer.json()).toMatchObject({ data: [{ id: 'offline/echo', owned_by: 'offline' }, { id: 'offline/other' }] });
  });

  test.each<[string, TokenChanges]>([
    ['is meant for another audience', { audience: 'https://kubernetes.default.svc' }],
    ['comes from another cluster', { issuer: 'https://other' }],
    ['has expired', { expiresIn: '11 seconds ago' }],
    ['is of another ServiceAccount of the namespace', { serviceAccount: 'default' }],
    ['is of an account that is named like something every object has', { serviceAccount: 'constructor' }],
    ['is of an account that was deleted and made again', { uid: 'another' }],
    ['is of a namespace that is no tenant’s', { namespace: 'kube-system' }],
    ['is of one tenant’s account in another tenant’s namespace', { namespace: 'tenant-bravo' }],
  ])('is refused when it %s', async (_, changes) => {
    expect(await statusOf(await egress.tokenOf('acme', changes))).toBe(401);
  });

  test('is refused without a signature, malformed, or not there at all', async () => {
    const unsigned = new UnsecuredJWT({}).setAudience('cloister-egress').setExpirationTime('1h').encode();
    for (const token of [unsigned, 'x', 'a.b.c', '']) expect(await statusOf(token)).toBe(401);
    expect((await fetch(`${egress.url}/v1/models`)).status).toBe(401);
  });

  test('is worth nothing while its tenant is suspended, from one call to the next', async () => {
    const token = await egress.addTenant('changing');
    expect(await statusOf(token)).toBe(200);
    await egress.addTenant('changing', { state: 'Suspended' });
    expect(await statusOf(token)).toBe(403);
  });

  test.each([
    ['support-7d9c5f8b6-x2x4z', 'support'],
    ['support-eu-7d9c5f8b6-x2x4z', 'support-eu'],
    ['7d9c5f8b6-x2x4z', ''],
    ['support', ''],
    ['other-7d9c5f8b6-x2x4z', ''],
  ])('says which agent calls: %s is of "%s", whatever the pod claims', async (pod, agent) => {
    const agents = ['support', 'support-eu'].map((name) => ({ name, url: 'https://127.0.0.1:1' }));
    await egress.addTenant('many', { agents });
    const headers = {
      authorization: `Bearer ${await egress.tokenOf('many', { pod })}`,
      'x-cloister-agent': 'support',
      'x-request-id': `call-of-${pod}`,
    };
    await (await fetch(`${egress.url}/v1/models`, { headers })).text();
    await vi.waitFor(() => expect(egress.lines.find((line) => line.includes(`"call-of-${pod}"`))).toContain(`"agent":"${agent}"`));
  });

  test('is asked for before anything else is looked at', async () => {
    expect((await fetch(`${egress.url}/nowhere`, ask('x', {}))).status).toBe(401);
  });
});

test('a token that was verified once is refused from the second at which it expires', async () => {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1' }] });
  let now = Date.now();
  const verify = podVerifier('issuer', keys, () => now);
  const token = await new SignJWT({ 'kubernetes.io': { namespace: 'n', serviceaccount: { name: 'a', uid: 'u' } } })
    .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
    .setIssuer('issuer')
    .setAudience('cloister-egress')
    .setExpirationTime(Math.floor(now / 1000) + 60)
    .sign(privateKey);
  expect(await verify(token)).toMatchObject({ namespace: 'n' });
  now += 80_000;
  expect(await verify(token)).toBeUndefined();
});

test('keys of the cluster are fetched again when a token names one that is new, and not for every invented one', async () => {
  const [before, after] = await Promise.all([generateKeyPair('RS256'), generateKeyPair('RS256')]);
  const jwk = async (key: CryptoKey, kid: string) => ({ ...(await exportJWK(key)), kid, alg: 'RS256' });
  const old = await jwk(before.publicKey, 'old');
  const rotated = { issuer: 'i', jwks: { keys: [old, await jwk(after.publicKey, 'new')] } };
  let [fetches, now] = [0, 0];
  const keys = clusterKeys(
    { issuer: 'i', jwks: { keys: [old] } },
    () => Promise.resolve((fetches++, rotated)),
    () => now,
  );
  const find = (kid: string) => keys({ alg: 'RS256', kid }, { payload: '', signature: '' });
  await expect(find('new')).rejects.toThrow();
  now = 6_000;
  await expect(Promise.all([find('new'), find('new'), find('old')])).resolves.toHaveLength(3);
  await expect(find('invented')).rejects.toThrow();
  expect(fetches).toBe(1);
});
