import { createApiKey, hashApiKey, parseApiKey } from '@cloister/identity';
import { tokensHeader, type Scope } from '@cloister/tenancy';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { agentDouble, type AgentDouble } from '../agent.double.ts';
import { agentsAt, edgeUnderTest, type EdgeUnderTest } from '../edge.fixture.ts';
import { mostIssued } from './issue.ts';

const answered = z.looseObject({ id: z.string(), key: z.string(), expiresAt: z.string().nullable() });
let agent: AgentDouble;
let edge: EdgeUnderTest;
beforeAll(async () => {
  agent = await agentDouble((response) => response.writeHead(200, { [tokensHeader]: '1' }).end('{}'));
  edge = await edgeUnderTest();
});
afterAll(async () => {
  await Promise.all([edge[Symbol.asyncDispose](), agent[Symbol.asyncDispose]()]);
});

const admin = (scopes: readonly Scope[] = ['chat', 'admin'], tenant = 'acme') =>
  edge.addTenant(tenant, { ...agentsAt(agent.url, 'support'), hosts: [] }, scopes);
interface Asked {
  readonly id?: string;
  readonly body?: unknown;
  readonly tenant?: string;
}
const keys = (key: string, method = 'GET', { id = '', body, tenant = 'acme' }: Asked = {}) =>
  fetch(`${edge.url}/api/v1/tenants/${tenant}/keys${id === '' ? '' : `/${id}`}`, {
    method,
    headers: { 'x-api-key': key },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
const issue = async (key: string, body: object) => answered.parse(await (await keys(key, 'POST', { body })).json());
const statusOf = async (key: string) => (await fetch(`${edge.url}/v1/models`, { headers: { 'x-api-key': key } })).status;
const errorOf = async (answer: Response) => [answer.status, await answer.json()] as const;

test('an administrator has a key made, which is shown once, kept as a hash, listed, and good for what it was made for', async () => {
  const own = admin();
  const answer = await keys(own, 'POST', { body: { name: 'website', scopes: ['chat'], rateLimits: { requestsPerMinute: 5 } } });
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([201, 'no-store']);
  const made = answered.parse(await answer.json());
  expect(parseApiKey(made.key)).toEqual({ tenant: 'acme', id: made.id });
  expect(edge.access.issued.byId('acme', made.id)?.hash).toBe(hashApiKey(made.key));
  expect(await statusOf(made.key)).toBe(200);
  expect((await keys(made.key)).status).toBe(403);
  const list = await (await keys(own)).text();
  expect(JSON.parse(list)).toMatchObject({
    data: [
      { name: 'default', issued: null },
      {
        id: made.id,
        name: 'website',
        scopes: ['chat'],
        rateLimits: { requestsPerMinute: 5 },
        issued: { by: expect.stringMatching(/^key:/) as string },
      },
    ],
  });
  expect(list).not.toContain(made.key);
  expect(list).not.toContain(hashApiKey(made.key));
  expect([edge.lines.join(), JSON.stringify(agent.heard)].join()).not.toContain(made.key);
});

test('a key of its own limits is held to them, and the refusal names them', async () => {
  const { key } = await issue(admin(), { name: 'slow', scopes: ['chat'], rateLimits: { requestsPerMinute: 1 } });
  expect(await statusOf(key)).toBe(200);
  const refused = await fetch(`${edge.url}/v1/models`, { headers: { 'x-api-key': key } });
  expect(await errorOf(refused)).toMatchObject([
    429,
    { error: { message: expect.stringContaining('(rateLimits.requestsPerMinute)') as string } },
  ]);
});

test('who issued and who revoked what is in the log, of the key its id alone', async () => {
  const own = admin();
  const { id, key } = await issue(own, { name: 'logged', scopes: ['chat'] });
  await keys(own, 'DELETE', { id });
  const logged = { tenant: 'acme', subject: `key:${parseApiKey(own)?.id ?? ''}` };
  await vi.waitFor(() => {
    const lines = edge.lines.map((line): unknown => JSON.parse(line));
    expect(lines).toContainEqual(expect.objectContaining({ ...logged, method: 'POST', status: 201, issuedKey: id }));
    expect(lines).toContainEqual(expect.objectContaining({ ...logged, method: 'DELETE', status: 204, revokedKey: id }));
  });
  expect(edge.lines.join()).not.toContain(key.slice(-64));
  expect(edge.lines.join()).not.toContain(hashApiKey(key));
});

describe('a key that is revoked', () => {
  test('is refused like one that never was, also by those that come after', async () => {
    const own = admin();
    const { id, key } = await issue(own, { name: 'gone', scopes: ['chat'] });
    expect((await keys(own, 'DELETE', { id })).status).toBe(204);
    expect(await statusOf(key)).toBe(401);
    expect(await errorOf(await keys(own, 'DELETE', { id }))).toMatchObject([404, { error: { code: 'key_not_found' } }]);
  });

  test('is never one that the Tenant declares: that is taken away there', async () => {
    const own = admin();
    const id = parseApiKey(own)?.id ?? '';
    expect(await errorOf(await keys(own, 'DELETE', { id }))).toMatchObject([409, { error: { code: 'key_declared' } }]);
    expect(await statusOf(own)).toBe(200);
  });

  test('is never another tenant’s', async () => {
    const asked = await keys(admin(['chat', 'admin'], 'bravo'), 'POST', { tenant: 'bravo', body: { name: 'theirs', scopes: ['chat'] } });
    const theirs = answered.parse(await asked.json());
    expect((await keys(admin(), 'DELETE', { id: theirs.id })).status).toBe(404);
    expect((await keys(admin(), 'DELETE', { id: theirs.id, tenant: 'bravo' })).status).toBe(404);
    expect(await statusOf(theirs.key)).toBe(200);
  });

  test('nor can another tenant’s be listed, or issued', async () => {
    const asked = await keys(admin(['chat', 'admin'], 'bravo'), 'POST', { tenant: 'bravo', body: { name: 'theirs', scopes: ['chat'] } });
    const theirs = answered.parse(await asked.json());
    const own = admin();
    expect(await (await keys(own)).text()).not.toContain(theirs.id);
    for (const method of ['GET', 'POST']) {
      const body = method === 'GET' ? undefined : { name: 'a', scopes: ['chat'] };
      const [foreign, unknown] = await Promise.all(
        ['bravo', 'nobody'].map(async (tenant) => errorOf(await keys(own, method, { tenant, body }))),
      );
      expect(foreign).toMatchObject([404, { error: { code: 'not_found' } }]);
      expect(foreign).toEqual(unknown);
    }
  });
});

describe('nobody gets more by a new key than by the old one', () => {
  test.each([
    ['a scope that the caller lacks', ['chat', 'admin'] as const, ['chat', 'settings'], 403, 'scope_missing'],
    ['anything, without the scope admin', ['chat', 'settings'] as const, ['chat'], 403, 'scope_missing'],
  ])('%s: refused', async (_, own, scopes, status, code) => {
    expect(await errorOf(await keys(admin(own), 'POST', { body: { name: 'a', scopes } }))).toMatchObject([status, { error: { code } }]);
  });

  test('nor for longer: a key of a key that expires does so no later', async () => {
    const end = new Date(Date.now() + 3_600_000).toISOString();
    const short = await issue(admin(), { name: 'short', scopes: ['chat', 'admin'], expiresAt: end });
    expect((await issue(short.key, { name: 'same', scopes: ['chat'] })).expiresAt).toBe(end);
    const expiresAt = new Date(Date.now() + 7_200_000).toISOString();
    const longer = await keys(short.key, 'POST', { body: { name: 'longer', scopes: ['chat'], expiresAt } });
    expect(await errorOf(longer)).toMatchObject([400, { error: { param: 'expiresAt' } }]);
  });

  test('of the bearer of a JWT that goes for the scopes, since its limits and its end are those of a user', async () => {
    const secret = 's'.repeat(40);
    edge.addTenant('acme', { ...agentsAt(agent.url, 'support'), hosts: [], rateLimits: { perUser: { requestsPerMinute: 5 } } });
    edge.setAccess('acme', { hs256: { secret, scopes: ['chat', 'admin'] } });
    const token = new SignJWT({ tenant_id: 'acme' }).setProtectedHeader({ alg: 'HS256' }).setSubject('ada').setExpirationTime('5m');
    const bearer = await token.sign(Buffer.from(secret));
    const body = { name: 'website', scopes: ['chat'], rateLimits: { requestsPerMinute: 600 } };
    const answer = await keys(bearer, 'POST', { body });
    expect([answer.status, await answer.json()]).toMatchObject([
      201,
      { expiresAt: null, rateLimits: { requestsPerMinute: 600 }, issued: { by: expect.stringContaining('ada') as string } },
    ]);
    expect((await keys(bearer, 'POST', { body: { ...body, scopes: ['settings'] } })).status).toBe(403);
  });

  describe('nor more often: a key of a key that has limits', () => {
    const limited = async (rateLimits: object) => (await issue(admin(), { name: 'limited', scopes: ['chat', 'admin'], rateLimits })).key;
    const ofLimited = async (own: object, rateLimits?: object) =>
      keys(await limited(own), 'POST', { body: { name: 'child', scopes: ['chat', 'admin'], rateLimits } });

    test.each([
      ['takes over what it leaves out', { requestsPerMinute: 50, tokensPerMinute: 1000 }, { requestsPerMinute: 5 }],
      ['may have as much', { tokensPerMinute: 1000 }, { tokensPerMinute: 1000 }],
      ['may have limits where that one has none', { concurrentRequests: 5 }, { requestsPerMinute: 1_000_000 }],
      ['has limits as well where it asks for none', { concurrentRequests: 5 }, undefined],
    ])('%s', async (_, own, wanted) => {
      const answer = await ofLimited(own, wanted);
      expect(answer.status).toBe(201);
      expect(await answer.json()).toMatchObject({ rateLimits: { ...own, ...wanted } });
    });

    test.each(['requestsPerMinute', 'tokensPerMinute', 'concurrentRequests'])('has no higher %s', async (field) => {
      const known = edge.access.issued.size;
      const refused = await ofLimited({ [field]: 50 }, { [field]: 51 });
      expect(await errorOf(refused)).toMatchObject([400, { error: { code: 'invalid_request', param: `rateLimits.${field}` } }]);
      expect(edge.access.issued.size).toBe(known + 1); // the one that asked
    });

    test('hands on what binds it to those that it asks for itself', async () => {
      const child = answered.parse(await (await ofLimited({ requestsPerMinute: 50 })).json());
      const wanted = { name: 'grandchild', scopes: ['chat'], rateLimits: { requestsPerMinute: 51 } };
      expect((await keys(child.key, 'POST', { body: wanted })).status).toBe(400);
    });

    test('also of one that the Tenant declares', async () => {
      const own = admin();
      const [declared] = edge.access.byTenant('acme')?.apiKeys ?? [];
      edge.setAccess('acme', { apiKeys: [{ ...(declared ?? never()), rateLimits: { requestsPerMinute: 50 } }] });
      const body = { name: 'a', scopes: ['chat'], rateLimits: { requestsPerMinute: 51 } };
      expect((await keys(own, 'POST', { body })).status).toBe(400);
    });
  });
});

test.each([
  ['no JSON', '{', ''],
  ['no name', { scopes: ['chat'] }, 'name'],
  ['a name with a line break', { name: 'a\nb', scopes: ['chat'] }, 'name'],
  ['no scope', { name: 'a', scopes: [] }, 'scopes'],
  ['a scope that does not exist', { name: 'a', scopes: ['root'] }, 'scopes.0'],
  ['an end that cannot be written down', { name: 'a', scopes: ['chat'], expiresAt: '9999-12-31T23:59:59-01:00' }, 'expiresAt'],
  ['a day that does not exist', { name: 'a', scopes: ['chat'], expiresAt: '2099-02-30T00:00:00Z' }, 'expiresAt'],
  ['an end in the past', { name: 'a', scopes: ['chat'], expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
  ['a field that does not exist', { name: 'a', scopes: ['chat'], tenant: 'bravo' }, ''],
  ['a budget of less than nothing', { name: 'a', scopes: ['chat'], budget: { daily: { usd: -1 } } }, 'budget.daily.usd'],
  ['a budget of parts of tokens', { name: 'a', scopes: ['chat'], budget: { monthly: { tokens: 0.5 } } }, 'budget.monthly.tokens'],
  ['a budget window without a limit', { name: 'a', scopes: ['chat'], budget: { daily: {} } }, 'budget.daily'],
  ['a budget of a week', { name: 'a', scopes: ['chat'], budget: { weekly: { usd: 1 } } }, 'budget'],
  ['a limit of nothing', { name: 'a', scopes: ['chat'], rateLimits: { requestsPerMinute: 0 } }, 'rateLimits.requestsPerMinute'],
])('a wish with %s is refused, naming the field', async (_, body, param) => {
  const known = edge.access.issued.size;
  const [status, said] = await errorOf(await keys(admin(), 'POST', { body }));
  expect([status, said]).toMatchObject([400, { error: { type: 'invalid_request_error', ...(param !== '' && { param }) } }]);
  expect(edge.access.issued.size).toBe(known);
});

test('a wish that is too long is refused', async () => {
  expect((await keys(admin(), 'POST', { body: { name: 'a'.repeat(20_000), scopes: ['chat'] } })).status).toBe(413);
});

test('a tenant has a bounded number of them, and room again when one is revoked', async () => {
  const own = admin(['chat', 'admin'], 'many');
  const known = { tenant: 'many', uid: 'uid-many', name: 'a', scopes: [], issuedAt: '2026-01-01T00:00:00.000Z', issuedBy: 'key:a' };
  for (let turn = 0; turn < mostIssued; turn++) {
    const id = turn.toString(16).padStart(12, '0');
    edge.access.issued.put(`key-many-${id}`, { ...known, id, hash: '0'.repeat(64) });
  }
  const body = { name: 'one', scopes: ['chat'] };
  const ask = () => keys(own, 'POST', { tenant: 'many', body });
  expect(await errorOf(await ask())).toMatchObject([409, { error: { code: 'too_many_keys' } }]);
  expect((await keys(own, 'DELETE', { tenant: 'many', id: '0'.repeat(12) })).status).toBe(204);
  expect((await ask()).status).toBe(201);
});

test('while keys cannot be kept none is given out, and the answer says when to ask again', async () => {
  await using other = await edgeUnderTest({
    keyStore: { add: () => Promise.reject(new Error('no API server')), remove: () => Promise.reject(new Error('no API server')) },
  });
  const key = other.addTenant('acme', {}, ['chat', 'admin']);
  const url = `${other.url}/api/v1/tenants/acme/keys`;
  const headers = { 'x-api-key': key };
  for (const asked of [
    fetch(url, { method: 'POST', headers, body: JSON.stringify({ name: 'a', scopes: ['chat'] }) }),
    fetch(`${url}/${'0'.repeat(12)}`, { method: 'DELETE', headers }),
  ]) {
    const answer = await asked;
    expect([answer.headers.get('retry-after'), await errorOf(answer)]).toMatchObject(['5', [503, { error: { code: 'keys_unavailable' } }]]);
  }
});

describe('an issued key opens nothing', () => {
  const entry = (key: string, uid: string) => ({
    ...{ tenant: 'later', uid, id: parseApiKey(key)?.id ?? '', name: 'a', hash: hashApiKey(key), scopes: ['chat' as const] },
    ...{ issuedAt: '2026-01-01T00:00:00.000Z', issuedBy: 'key:a' },
  });

  test('of a later tenant of the same name', async () => {
    admin(['chat'], 'later');
    const [now, before] = [createApiKey('later'), createApiKey('later')];
    edge.access.issued.put('now', entry(now, 'uid-later'));
    edge.access.issued.put('before', entry(before, 'uid-of-before'));
    expect([await statusOf(now), await statusOf(before)]).toEqual([200, 401]);
  });

  test('of a tenant that is going, or archived', async () => {
    admin(['chat'], 'later');
    const key = createApiKey('later');
    edge.access.issued.put('key', entry(key, 'uid-later'));
    vi.spyOn(edge.policies, 'byTenant').mockReturnValueOnce({ ...(edge.policies.byTenant('later') ?? never()), state: 'Archived' });
    expect(await statusOf(key)).toBe(401);
    edge.access.remove('tenant-later');
    expect(await statusOf(key)).toBe(401);
  });
});

function never(): never {
  throw new Error('the tenant is there');
}
