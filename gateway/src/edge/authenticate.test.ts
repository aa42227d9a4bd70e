import { createApiKey, hashApiKey, parseApiKey } from '@cloister/identity';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey, type JWTPayload } from 'jose';
import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { portOf } from '../server/serve.ts';
import { agentDouble, type AgentDouble } from './agent.double.ts';
import { agentsAt, edgeUnderTest, type EdgeUnderTest } from './edge.fixture.ts';

const secret = 'a-secret-of-at-least-thirty-two-bytes';
let agent: AgentDouble;
let edge: EdgeUnderTest;
let issuer: IssuerDouble;
beforeAll(async () => {
  [agent, edge, issuer] = await Promise.all([agentDouble(), edgeUnderTest(), issuerDouble()]);
  for (const tenant of ['acme', 'bravo']) {
    edge.addTenant(tenant, agentsAt(agent.url, 'support'));
    edge.setAccess(tenant, {
      hs256: { secret: `${secret}-${tenant}`, scopes: ['chat'] },
      oidc: [
        { issuer: issuer.url, audience: 'shared', tenantClaim: 'org', scopes: ['chat'] },
        { issuer: issuer.url, audience: `only-${tenant}`, scopes: ['chat'] },
      ],
    });
  }
});
afterAll(async () => {
  await Promise.all([edge[Symbol.asyncDispose](), agent[Symbol.asyncDispose](), issuer.close()]);
});

const call = (headers: Record<string, string>, path = '/v1/models') => fetch(`${edge.url}${path}`, { headers });
/** All of an answer but what differs from one to the next by its nature. */
async function wholeOf(answer: Response) {
  const headers = [...answer.headers].filter(([name]) => !['date', 'x-request-id'].includes(name));
  return { status: answer.status, headers: Object.fromEntries(headers), text: await answer.text() };
}

/** The status. A 401 is, whatever is bad about the token, that of any bad credential. */
async function withToken(token: string): Promise<number> {
  const given = await wholeOf(await call({ authorization: `Bearer ${token}` }));
  if (given.status === 401) expect(given).toEqual(await wholeOf(await call({ authorization: 'Bearer nonsense' })));
  return given.status;
}

describe('an API key', () => {
  test.each([
    ['as a bearer token', (key: string) => ({ authorization: `Bearer ${key}` })],
    ['as a bearer token in small letters', (key: string) => ({ authorization: `bearer ${key}` })],
    ['in x-api-key', (key: string) => ({ 'x-api-key': key })],
    ['in api-key', (key: string) => ({ 'api-key': key })],
    ['in two places, when it is the same', (key: string) => ({ 'api-key': key, authorization: `Bearer ${key}` })],
  ])('opens the door %s', async (_, headers) => {
    const key = edge.addTenant('keyed', agentsAt(agent.url, 'support'));
    expect((await call(headers(key))).status).toBe(200);
  });

  test('that is wrong, expired, revoked, of an unknown tenant or malformed gets one and the same answer', async () => {
    const key = edge.addTenant('keyed', agentsAt(agent.url, 'support'));
    const id = parseApiKey(key)?.id ?? '';
    const expired = createApiKey('keyed');
    const entry = { id: parseApiKey(expired)?.id ?? '', name: 'old', hash: hashApiKey(expired), scopes: ['chat' as const] };
    edge.setAccess('keyed', { apiKeys: [{ ...entry, expiresAt: '2020-01-01T00:00:00Z' }] });
    const bad = [
      expired,
      key,
      createApiKey('keyed'),
      createApiKey('nobody'),
      `ck_keyed_${id}_${'0'.repeat(64)}`,
      'ck_',
      'ck_a_b_c',
      'sk-1',
    ];
    const answers = await Promise.all(bad.map((text) => call({ authorization: `Bearer ${text}` })));
    const said = await Promise.all(answers.map(wholeOf));
    expect(said[0]).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer realm="cloister"' } });
    for (const one of said) expect(one).toEqual(said[0]);
  });

  test('works from the moment its tenant’s document holds it, and no longer than that', async () => {
    const key = edge.addTenant('brief', agentsAt(agent.url, 'support'));
    expect(await withToken(key)).toBe(200);
    edge.setAccess('brief', {});
    expect(await withToken(key)).toBe(401);
  });

  test('beside another one that differs is refused: which of them counts would be anybody’s guess', async () => {
    const [one, two] = [edge.addTenant('one', agentsAt(agent.url, 'a')), edge.addTenant('two', agentsAt(agent.url, 'a'))];
    expect((await call({ authorization: `Bearer ${one}`, 'x-api-key': two })).status).toBe(401);
  });
});

test.each([{}, { authorization: '' }, { authorization: 'Basic YTpi' }, { authorization: 'Bearer' }, { cookie: 'token=x' }])(
  'without a credential there is nothing but 401: %j',
  async (headers) => {
    for (const path of ['/v1/models', '/nowhere', '/api/v1/tenants/acme/chat']) expect((await call(headers, path)).status).toBe(401);
  },
);

describe('a token with a shared secret', () => {
  const sign = (claims: JWTPayload, of = 'acme', expires = '5m') =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime(expires)
      .sign(Buffer.from(`${secret}-${of}`));

  test('speaks for the tenant that it names', async () => {
    expect(await withToken(await sign({ tenant_id: 'acme' }))).toBe(200);
  });
  test('cannot speak for another tenant', async () => {
    expect(await withToken(await sign({ tenant_id: 'bravo' }, 'acme'))).toBe(401);
  });
  test('must name a tenant that has a secret', async () => {
    for (const claims of [{}, { tenant_id: 'nobody' }, { tenant_id: 7 }, { tenant_id: '__proto__' }])
      expect(await withToken(await sign(claims))).toBe(401);
  });
  test('must expire, and must not have', async () => {
    const key = Buffer.from(`${secret}-acme`);
    expect(await withToken(await new SignJWT({ tenant_id: 'acme' }).setProtectedHeader({ alg: 'HS256' }).sign(key))).toBe(401);
    expect(await withToken(await sign({ tenant_id: 'acme' }, 'acme', '31 seconds ago'))).toBe(401);
    expect(await withToken(await sign({ tenant_id: 'acme' }, 'acme', '20 seconds ago'))).toBe(200);
  });
  test('without a signature is worth nothing', async () => {
    expect(await withToken(new UnsecuredJWT({ tenant_id: 'acme' }).setExpirationTime('5m').encode())).toBe(401);
  });
  test('lets its caller do what the claim that names its role allows', async () => {
    edge.addTenant('charlie', agentsAt(agent.url, 'support'));
    const values = [{ value: 'editors', scopes: ['settings' as const] }];
    edge.setAccess('charlie', { hs256: { secret: `${secret}-charlie`, scopes: ['chat'], roles: { claim: 'groups', values } } });
    const settings = async (groups: readonly string[]) => {
      const token = await sign({ tenant_id: 'charlie', groups }, 'charlie');
      return (await call({ authorization: `Bearer ${token}` }, '/api/v1/tenants/charlie/settings')).status;
    };
    expect([await settings(['staff', 'editors']), await settings(['staff'])]).toEqual([200, 403]);
  });
  test('lets its caller do what the tenant allows such tokens, and no more', async () => {
    const answer = await call({ authorization: `Bearer ${await sign({ tenant_id: 'acme' })}` }, '/api/v1/tenants/acme/settings');
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'scope_missing' } }]);
  });
});

describe('a token of an identity provider', () => {
  test('with a role lets its user do what the tenant gives to that role', async () => {
    edge.addTenant('delta', agentsAt(agent.url, 'support'));
    const roles = { claim: 'realm_access.roles', values: [{ value: 'boss', scopes: ['settings' as const, 'admin' as const] }] };
    edge.setAccess('delta', { oidc: [{ issuer: issuer.url, audience: 'delta', scopes: ['chat'], roles }] });
    const statuses = async (claims: object) => {
      const headers = { authorization: `Bearer ${await issuer.sign({ aud: 'delta', ...claims })}` };
      const paths = ['settings', 'keys', 'chat'].map((path) => `/api/v1/tenants/delta/${path}`);
      return Promise.all(paths.map(async (path) => (await call(headers, path)).status));
    };
    expect(await statuses({ realm_access: { roles: ['boss'] } })).toEqual([200, 200, 200]);
    expect(await statuses({ realm_access: { roles: ['clerk'] }, boss: true })).toEqual([403, 403, 200]);
  });
  test('with the tenant in its claim speaks for that tenant', async () => {
    expect(await withToken(await issuer.sign({ aud: 'shared', org: 'acme' }))).toBe(200);
    expect(await withToken(await issuer.sign({ aud: 'shared', org: 'nobody' }))).toBe(401);
    expect(await withToken(await issuer.sign({ aud: 'shared' }))).toBe(401);
  });
  test('for an audience that is one tenant’s alone speaks for it', async () => {
    expect(await withToken(await issuer.sign({ aud: 'only-acme' }))).toBe(200);
    expect(await withToken(await issuer.sign({ aud: ['else', 'only-acme'] }))).toBe(200);
  });
  test('for audiences of two tenants speaks for neither', async () => {
    expect(await withToken(await issuer.sign({ aud: ['only-acme', 'only-bravo'] }))).toBe(401);
  });
  test.each([
    ['another audience', { aud: 'other' }],
    ['another issuer', { aud: 'only-acme', iss: 'https://evil.example' }],
    ['no user', { aud: 'only-acme', sub: undefined }],
    ['an expiry in the past', { aud: 'only-acme', exp: 1 }],
    ['a beginning in the future', { aud: 'only-acme', nbf: 4e9 }],
  ])('with %s is refused', async (_, claims) => {
    expect(await withToken(await issuer.sign(claims))).toBe(401);
  });
  test('may be 30 seconds off, as clocks are, and no more', async () => {
    const at = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;
    const claims = [{ exp: at(-20) }, { nbf: at(20) }, { exp: at(-40) }, { nbf: at(40) }];
    const answers = claims.map(async (claim) => withToken(await issuer.sign({ aud: 'only-acme', ...claim })));
    expect(await Promise.all(answers)).toEqual([200, 200, 401, 401]);
  });
  test('signed by somebody else is refused', async () => {
    const { privateKey } = await generateKeyPair('RS256');
    expect(await withToken(await issuer.sign({ aud: 'only-acme' }, privateKey))).toBe(401);
  });
  test('signed with the provider’s public key as a shared secret is refused', async () => {
    const pem = await exportSPKI(issuer.publicKey);
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { iss: issuer.url, aud: 'only-acme', sub: 'u', tenant_id: 'acme', exp: Math.floor(Date.now() / 1000) + 60 };
    const text = `${part({ alg: 'HS256', kid: 'k1' })}.${part(claims)}`;
    expect(await withToken(`${text}.${createHmac('sha256', pem).update(text).digest('base64url')}`)).toBe(401);
  });
  test('never makes edge ask a provider that no tenant trusts', async () => {
    const asked = issuer.asked();
    await withToken(await issuer.sign({ iss: `${issuer.url}/other`, aud: 'only-acme' }));
    expect(issuer.asked()).toBe(asked);
  });
  test('whose provider cannot be reached gives 503, since nobody can say whether it is valid', async () => {
    const gone = 'http://127.0.0.1:1';
    edge.addTenant('lost', agentsAt(agent.url, 'support'));
    edge.setAccess('lost', { oidc: [{ issuer: gone, audience: 'lost', scopes: ['chat'] }] });
    expect(await withToken(await issuer.sign({ iss: gone, aud: 'lost' }))).toBe(503);
  });
});

interface IssuerDouble {
  readonly url: string;
  readonly publicKey: CryptoKey;
  readonly asked: () => number;
  sign(claims: Readonly<Record<string, unknown>>, key?: CryptoKey): Promise<string>;
  close(): Promise<void>;
}

/** An identity provider with discovery and one key. */
async function issuerDouble(): Promise<IssuerDouble> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256' }] };
  let asked = 0;
  const server: Server = createServer((request, response) => {
    asked++;
    const url = `http://127.0.0.1:${portOf(server)}`;
    const body = request.url === '/keys' ? jwks : { issuer: url, jwks_uri: `${url}/keys` };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${portOf(server)}`;
  return {
    url,
    publicKey,
    asked: () => asked,
    sign: (claims, key = privateKey) =>
      new SignJWT({ iss: url, sub: 'user-1', exp: Math.floor(Date.now() / 1000) + 300, ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
        .sign(key),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
