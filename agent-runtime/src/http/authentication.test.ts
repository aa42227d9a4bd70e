import { callerSigner, generateIdentityKeys } from '@cloister/identity';
import { agentAudienceOf } from '@cloister/tenancy';
import { describe, expect, test } from 'vitest';
import { agentUnderTest } from '../runtime.fixture.ts';

const agent = await agentUnderTest();

const routes: [method: string, path: string, scope: 'chat' | 'settings'][] = [
  ['POST', '/v1/chat/completions', 'chat'],
  ['GET', '/v1/models', 'chat'],
  ['GET', '/v1/models/offline/echo', 'chat'],
  ['POST', '/api/v1/tenants/acme/chat', 'chat'],
  ['GET', '/api/v1/tenants/acme/chat', 'chat'],
  ['GET', '/api/v1/tenants/acme/settings', 'settings'],
  ['PUT', '/api/v1/tenants/acme/settings', 'settings'],
];

const bearing = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

async function forgeries(): Promise<[string, Record<string, string>][]> {
  const { issuer, audience } = agent.document.identity;
  const stranger = await callerSigner((await generateIdentityKeys()).privateKey, issuer);
  const caller = { tenant: 'acme', subject: 'key:one', scopes: ['chat', 'settings'] };
  const valid = await agent.token();
  const [header = '', payload = ''] = valid.split('.');
  const unsigned = Buffer.from('{"alg":"none"}').toString('base64url');
  return [
    ['nothing', {}],
    ['no bearer token', { authorization: `Basic ${valid}` }],
    ['text that is no token', bearing('ck_acme_0_0')],
    ['a token of an unknown key', bearing(await stranger(caller, audience))],
    ['a token for another audience', bearing(await agent.token({}, agentAudienceOf('globex')))],
    ['a token for this audience about another tenant', bearing(await agent.token({ tenant: 'globex' }))],
    ['a token without a signature', bearing(`${unsigned}.${payload}.`)],
    ['a token with the signature cut off', bearing(`${header}.${payload}.`)],
  ];
}

describe.each(routes)('%s %s', (method, path, scope) => {
  test('answers 401 without a valid token of this tenant', async () => {
    for (const [what, headers] of await forgeries()) {
      const answer = await fetch(`${agent.url}${path}`, { method, headers });
      expect(answer.status, what).toBe(401);
      expect(answer.headers.get('www-authenticate'), what).toBe('Bearer');
      expect(await answer.json(), what).toMatchObject({ error: { type: 'authentication_error' } });
    }
  });

  test(`answers 403 without the scope "${scope}"`, async () => {
    const scopes = scope === 'chat' ? ['settings'] : ['chat'];
    const answer = await agent.call(method, path, { caller: { scopes }, ...(method === 'GET' ? {} : { body: {} }) });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ error: { code: 'scope_missing', type: 'permission_error' } });
  });

  test('answers 404 where the path names another tenant, exactly as for a path that does not exist', async () => {
    if (!path.includes('acme')) return;
    const [foreign, nowhere] = await Promise.all(
      [path.replace('acme', 'globex'), '/nowhere'].map(async (asked) => {
        const answer = await agent.call(method, asked, { headers: { 'x-request-id': 'same' }, ...(method === 'GET' ? {} : { body: {} }) });
        const headers = Object.fromEntries([...answer.headers].filter(([name]) => name !== 'date'));
        return { status: answer.status, headers, body: await answer.text() };
      }),
    );
    expect(foreign).toEqual(nowhere);
    expect(foreign).toMatchObject({ status: 404 });
  });
});

test('an unknown path answers 401 rather than 404 to a stranger', async () => {
  expect((await fetch(`${agent.url}/nowhere`)).status).toBe(401);
});

test('a body is not even read before the caller is known', async () => {
  const answer = await fetch(`${agent.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{ no JSON',
  });
  expect(answer.status).toBe(401);
});

test('a body that is no JSON answers 400 in the shape that clients parse', async () => {
  const answer = await fetch(`${agent.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${await agent.token()}` },
    body: '{ no JSON',
  });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ error: { code: 'invalid_json' } });
});
