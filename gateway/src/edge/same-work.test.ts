/**
 * A bad credential costs edge the same whether its tenant exists or not, and what is another tenant's the same as what nobody has, so that the
 * time of the answer does not tell. Counted, since time on a test machine tells nothing: how often edge hashes, compares and verifies, looks
 * things up, counts and asks. `test/load/floods.ts` measures the time of bad credentials.
 */
import { createApiKey, hashApiKey, parseApiKey } from '@cloister/identity';
import { SignJWT, generateKeyPair } from 'jose';
import type * as Jose from 'jose';
import type * as Crypto from 'node:crypto';
import { request } from 'undici';
import { expect, test, vi } from 'vitest';
import { AccessDirectory } from '../directory/directory.ts';
import { agentDouble } from './agent.double.ts';
import { authenticator } from './authenticate.ts';
import { agentsAt, edgeUnderTest } from './edge.fixture.ts';
import { LocalLimiter } from './rate-limit/local-limiter.ts';

const work = vi.hoisted(() => ({ hashes: 0, comparisons: 0, verifications: 0 }));
vi.mock('node:crypto', async (load) => {
  const crypto = await load<typeof Crypto>();
  const hash = (...args: Parameters<typeof crypto.hash>) => {
    work.hashes++;
    return crypto.hash(...args);
  };
  const timingSafeEqual: typeof crypto.timingSafeEqual = (...args) => {
    work.comparisons++;
    return crypto.timingSafeEqual(...args);
  };
  return { ...crypto, hash, timingSafeEqual };
});
vi.mock('jose', async (load) => {
  const jose = await load<typeof Jose>();
  const jwtVerify = (...args: Parameters<typeof jose.jwtVerify>) => {
    work.verifications++;
    return jose.jwtVerify(...args);
  };
  return { ...jose, jwtVerify };
});

const issuer = 'https://id.example';
const keys = await generateKeyPair('ES256');
const [valid, expired] = [createApiKey('acme'), createApiKey('acme')];
const entryOf = (key: string, expiresAt?: string) => ({
  id: parseApiKey(key)?.id ?? '',
  name: 'default',
  hash: hashApiKey(key),
  scopes: ['chat' as const],
  expiresAt,
});
const access = new AccessDirectory();
access.put('tenant-acme', {
  tenant: 'acme',
  apiKeys: [entryOf(valid), entryOf(expired, '2020-01-01T00:00:00.000Z')],
  hs256: { secret: 's'.repeat(40), scopes: ['chat'] },
  oidc: [{ issuer, audience: 'chat', tenantClaim: 'org', scopes: ['chat'] }],
});
access.put('tenant-bravo', { tenant: 'bravo', apiKeys: [], oidc: [] });
const authenticate = authenticator(access, () => Promise.resolve(() => Promise.resolve(keys.publicKey)));

/** The work that it takes to refuse. */
async function workFor(credential: string) {
  Object.assign(work, { hashes: 0, comparisons: 0, verifications: 0 });
  await expect(authenticate({ authorization: `Bearer ${credential}` })).rejects.toMatchObject({ code: 'credential_invalid' });
  return { ...work };
}

test.each([
  ['of a tenant that does not exist', createApiKey('nobody')],
  ['of a tenant without keys', createApiKey('bravo')],
  ['of an id that its tenant does not have', createApiKey('acme')],
  ['with a wrong secret', valid.replace(/[0-9a-f]{64}$/, '0'.repeat(64))],
  ['that has expired', expired],
])('an API key %s is hashed once and compared once', async (_, key) => {
  expect(await workFor(key)).toEqual({ hashes: 1, comparisons: 1, verifications: 0 });
});

test.each([
  ['of a tenant that does not exist', 'nobody'],
  ['of a tenant without a shared secret', 'bravo'],
  ['signed with another secret', 'acme'],
])('an HS256 token %s is verified once', async (_, tenant) => {
  const token = new SignJWT({ tenant_id: tenant }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('5m');
  expect(await workFor(await token.sign(Buffer.from('o'.repeat(40))))).toMatchObject({ verifications: 1 });
});

const stranger = await generateKeyPair('ES256');
test.each([
  ['of a tenant that does not exist', { org: 'nobody', aud: 'chat' }, stranger],
  ['of a tenant that does not trust its issuer', { org: 'bravo', aud: 'chat' }, stranger],
  ['of a tenant that trusts its issuer, but no signature of the issuer', { org: 'acme', aud: 'chat' }, stranger],
  ['for an audience that nobody has', { org: 'acme', aud: 'other' }, stranger],
  ['that its issuer has signed for nobody here', { org: 'nobody', aud: 'chat' }, keys],
])('an OIDC token %s is verified once', async (_, claims, signer) => {
  const token = new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).setIssuer(issuer).setSubject('u').setExpirationTime('5m');
  expect(await workFor(await token.sign(signer.privateKey))).toMatchObject({ verifications: 1 });
});

test.each<[string, { readonly theirs: string; readonly nobodys: string }]>([
  ['host', { theirs: 'https://bravo.example/v1/models', nobodys: 'https://delta.example/v1/models' }],
  ['id in a path', { theirs: 'https://chat.example/api/v1/tenants/bravo/chat', nobodys: 'https://chat.example/api/v1/tenants/delta/chat' }],
  ['agent in a path', { theirs: 'https://chat.example/agents/secret/v1/models', nobodys: 'https://chat.example/agents/others/v1/models' }],
  ['agent in a query', { theirs: 'https://chat.example/v1/files?agent=secret', nobodys: 'https://chat.example/v1/files?agent=others' }],
])('the %s of another tenant costs what one that nobody has does', async (_, { theirs, nobodys }) => {
  await using agent = await agentDouble();
  const limiter = new LocalLimiter();
  await using edge = await edgeUnderTest({ limiter, sharedHosts: new Set(['chat.example']) });
  const key = edge.addTenant('acme', { ...agentsAt(agent.url, 'support'), rateLimits: { requestsPerMinute: 100 } });
  edge.addTenant('bravo', { ...agentsAt(agent.url, 'secret'), hosts: ['bravo.example'] });
  const looks = [
    ...(['byTenant', 'byHost', 'byNamespace', 'all'] as const).map((look) => vi.spyOn(edge.policies, look)),
    ...(['byTenant', 'byClaim', 'byIssuer', 'trustsIssuer'] as const).map((look) => vi.spyOn(edge.access, look)),
    ...(['byId', 'ofTenant'] as const).map((look) => vi.spyOn(edge.access.issued, look)),
    vi.spyOn(limiter, 'take'),
  ];
  const workOf = async (url: string) => {
    const { host, pathname, search } = new URL(url);
    for (const look of looks) look.mockClear();
    Object.assign(work, { hashes: 0, comparisons: 0, verifications: 0 });
    const headers = { host, authorization: `Bearer ${key}` };
    const { statusCode, body } = await request(`${edge.url}${pathname}${search}`, { headers });
    expect([statusCode, JSON.parse(await body.text())]).toMatchObject([404, { error: {} }]);
    return { ...work, looks: looks.map((look) => look.mock.calls.length), lines: edge.lines.splice(0).length };
  };
  await workOf(nobodys);
  const spent = await workOf(theirs);
  expect(spent).toEqual(await workOf(nobodys));
  expect(spent.looks, 'something is counted').not.toEqual(looks.map(() => 0));
  expect(agent.heard).toEqual([]);
});
