/** Limits as callers meet them: a whole edge, which counts in this process. */
import { tokensHeader, type RateLimits, type TenantPolicy } from '@cloister/tenancy';
import { SignJWT } from 'jose';
import type { ServerResponse } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { agentDouble } from '../agent.double.ts';
import { agentsAt, edgeUnderTest } from '../edge.fixture.ts';

type Answer = (response: ServerResponse) => unknown;

/** A tenant with one agent, one API key with limits of its own, and users with HS256 tokens. */
async function tenantWith(rateLimits: TenantPolicy['rateLimits'], ofKey?: RateLimits, answer: Answer = (response) => response.end('{}')) {
  const agent = await agentDouble((response) => void answer(response));
  const edge = await edgeUnderTest();
  onTestFinished(async () => {
    await edge[Symbol.asyncDispose]();
    await agent[Symbol.asyncDispose]();
  });
  const secret = 'a-secret-of-at-least-thirty-two-bytes';
  const key = edge.addTenant('acme', { ...agentsAt(agent.url, 'support'), rateLimits });
  const apiKeys = edge.access.byTenant('acme')?.apiKeys ?? [];
  edge.setAccess('acme', {
    apiKeys: apiKeys.map((entry) => ({ ...entry, name: 'website', rateLimits: ofKey })),
    hs256: { secret, scopes: ['chat'] },
  });
  const ask = (credential = key, init: RequestInit = {}) =>
    fetch(`${edge.url}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${credential}` }, body: '{}', ...init });
  const tokenOf = (user: string) =>
    new SignJWT({ tenant_id: 'acme', sub: user }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('5m').sign(Buffer.from(secret));
  const metrics = () => edge.registry.metrics();
  return { ask, tokenOf, key, metrics, heard: agent.heard };
}

const messageOf = async (answer: Response): Promise<unknown> => {
  const body: unknown = await answer.json();
  expect(body).toMatchObject({ error: { code: 'rate_limit_exceeded', type: 'rate_limit_error', param: null } });
  return body;
};
const limitsIn = ({ headers }: Response) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('x-ratelimit-')).map(([name, value]) => [name.slice(12), value]));

describe('requests a minute', () => {
  test('are told with every answer, and beyond the limit when to come back', async () => {
    const { ask, heard, metrics } = await tenantWith({ requestsPerMinute: 2 });
    const answers = [await ask(), await ask(), await ask()];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(answers.map(limitsIn)).toMatchObject([
      { 'limit-requests': '2', 'remaining-requests': '1', 'reset-requests': '61s' },
      { 'remaining-requests': '0' },
      { 'remaining-requests': '0' },
    ]);
    const refused = answers[2] ?? Response.error();
    const seconds = refused.headers.get('retry-after');
    expect(Number(seconds)).toBeGreaterThan(50);
    const message = `this tenant may make 2 requests a minute (spec.rateLimits.requestsPerMinute); try again in ${seconds} s`;
    expect(await messageOf(refused)).toMatchObject({ error: { message } });
    expect(heard).toHaveLength(2);
    expect(await metrics()).toContain('cloister_edge_rate_limited_total{tenant="acme",whose="tenant",limit="requests"} 1');
  });

  test('of one key do not bind others of its tenant, and both are told by what is left least', async () => {
    const { ask, tokenOf } = await tenantWith({ requestsPerMinute: 5 }, { requestsPerMinute: 1 });
    expect(limitsIn(await ask())).toMatchObject({ 'limit-requests': '1', 'remaining-requests': '0' });
    const message = expect.stringMatching(
      /^API key "website" may make 1 requests a minute \(spec\.access\.apiKeys\[website\]\.rateLimits\.requestsPerMinute\); try again in \d+ s$/,
    ) as string;
    expect(await messageOf(await ask())).toMatchObject({ error: { message } });
    expect(limitsIn(await ask(await tokenOf('jane')))).toMatchObject({ 'limit-requests': '5', 'remaining-requests': '3' });
  });

  test('per user bind each user by itself, and no API key', async () => {
    const { ask, tokenOf } = await tenantWith({ perUser: { requestsPerMinute: 1 } });
    const [jane, john] = [await tokenOf('jane'), await tokenOf('john')];
    const statuses = [];
    for (const credential of [jane, jane, await tokenOf('jane'), john, undefined, undefined]) statuses.push((await ask(credential)).status);
    expect(statuses).toEqual([200, 429, 429, 200, 200, 200]);
    expect(await messageOf(await ask(john))).toMatchObject({
      error: {
        message: expect.stringContaining('each user may make 1 requests a minute (spec.rateLimits.perUser.requestsPerMinute)') as string,
      },
    });
  });

  test('are told by edge, whatever an agent says of limits', async () => {
    const { ask } = await tenantWith({ requestsPerMinute: 2 }, undefined, (response) =>
      response.writeHead(200, { 'x-ratelimit-limit-requests': '999', 'x-ratelimit-limit-tokens': '999' }).end('{}'),
    );
    expect(limitsIn(await ask())).toEqual({ 'limit-requests': '2', 'remaining-requests': '1', 'reset-requests': '61s' });
  });

  test('are not told where nothing is limited', async () => {
    const { ask } = await tenantWith({});
    expect(limitsIn(await ask())).toEqual({});
  });
});

describe('tokens a minute', () => {
  test.each<[string, Answer]>([
    ['before its answer', (response) => response.writeHead(200, { [tokensHeader]: '60' }).end('{}')],
    [
      'behind its stream',
      (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream', trailer: tokensHeader }).write('data: one\n\n');
        response.addTrailers({ [tokensHeader]: '60' });
        response.end('data: two\n\n');
      },
    ],
  ])('are what the agent says %s, which the caller does not hear', async (_, answer) => {
    const { ask } = await tenantWith({ tokensPerMinute: 100 }, undefined, answer);
    const answers = [];
    for (let turn = 0; turn < 3; turn++) {
      const given = await ask();
      answers.push(given);
      if (given.ok) await given.text();
    }
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(answers.map(limitsIn)).toMatchObject([
      { 'limit-tokens': '100', 'remaining-tokens': '100', 'reset-tokens': '0s' },
      { 'remaining-tokens': '40' },
      { 'remaining-tokens': '0' },
    ]);
    expect([...(answers[0]?.headers.keys() ?? [])]).not.toContain(tokensHeader);
    const message = expect.stringContaining('this tenant may use 100 tokens a minute (spec.rateLimits.tokensPerMinute)') as string;
    expect(await messageOf(answers[2] ?? Response.error())).toMatchObject({ error: { message } });
  });

  test.each<[string, Answer, number]>([
    ['of an agent that does not count are one for every four bytes', (response) => response.end('x'.repeat(8_000)), 2_000],
    ['of a short answer are a hundred for the second that has begun', (response) => response.end('{}'), 100],
    ['of an error are none', (response) => response.writeHead(400).end('x'.repeat(8_000)), 0],
    [
      'of a stream that breaks off count for what has come',
      (response) => {
        response.writeHead(200).write('x'.repeat(8_000));
        setTimeout(() => response.destroy(), 20);
      },
      2_000,
    ],
  ])('%s', async (_, answer, expected) => {
    const { ask } = await tenantWith({ tokensPerMinute: 1_000_000 }, undefined, answer);
    await ask().then((given) => given.text().catch(() => undefined));
    const used = 1_000_000 - Number(limitsIn(await ask())['remaining-tokens']);
    expect(used).toBeGreaterThanOrEqual(expected);
    expect(used).toBeLessThanOrEqual(expected * 1.2); // headers are bytes too
  });

  test('are one for every four bytes of a request, too, also of one whose length nobody has said', async () => {
    const { ask } = await tenantWith({ tokensPerMinute: 1_000_000 }, undefined, (response) => response.end('{}'));
    const leftAfter = async (init: RequestInit) => {
      await (await ask(undefined, init)).text();
      return Number(limitsIn(await ask(undefined, { method: 'GET', body: null }))['remaining-tokens']);
    };
    const body = 'x'.repeat(80_000);
    const left = await leftAfter({ body });
    expect(left).toBeLessThanOrEqual(980_000);
    expect(left).toBeGreaterThan(975_000);
    const chunked = left - (await leftAfter({ body: new Blob([body]).stream(), duplex: 'half' }));
    expect(chunked).toBeGreaterThanOrEqual(20_000);
    expect(chunked).toBeLessThan(25_000);
  });

  test('of a caller that leaves are a hundred for each second at least: what was produced is not given away', async () => {
    const asked = Promise.withResolvers<undefined>();
    const { ask } = await tenantWith({ tokensPerMinute: 100 }, undefined, (response) =>
      response.req.method === 'GET' ? response.end('{}') : asked.resolve(undefined),
    );
    const leave = new AbortController();
    const left = ask(undefined, { signal: leave.signal }).catch(() => undefined);
    await asked.promise;
    leave.abort();
    await left;
    await expect.poll(async () => (await ask(undefined, { method: 'GET', body: null })).status).toBe(429);
  });
});

describe('requests in progress', () => {
  const busy = { concurrentRequests: 1 };
  const read = { method: 'GET', body: null };

  test('beyond the limit are refused with a time to come back, until one has ended', async () => {
    const asked = Promise.withResolvers<ServerResponse>();
    let holds = true;
    const { ask } = await tenantWith({}, busy, (response) => {
      if (holds) asked.resolve(response);
      else response.end('{}');
    });
    const first = ask();
    const held = await asked.promise;
    const refused = await ask();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    const field = 'spec.access.apiKeys[website].rateLimits.concurrentRequests';
    expect(await messageOf(refused)).toMatchObject({
      error: { message: `API key "website" may have 1 requests in progress (${field}); try again in 1 s` },
    });
    holds = false;
    held.end('{}');
    expect((await first).status).toBe(200);
    await expect.poll(async () => (await ask()).status).toBe(200);
  });

  test.each<[string, Answer]>([
    ['an agent that hangs up', (response) => response.destroy()],
    ['an error', (response) => response.writeHead(500).end('{}')],
    [
      'a stream that breaks off',
      (response) => {
        response.writeHead(200).write('data: one\n\n');
        setTimeout(() => response.destroy(), 10);
      },
    ],
  ])('end with %s', async (_, answer) => {
    const { ask, metrics } = await tenantWith(busy, undefined, answer);
    for (let turn = 0; turn < 5; turn++) await (await ask()).text().catch(() => undefined);
    expect(await metrics()).not.toContain('cloister_edge_rate_limited_total{');
  });

  test('end when their caller leaves', async () => {
    const { ask, heard } = await tenantWith(busy, undefined, (response) => response.req.method === 'GET' && response.end('{}'));
    for (let turn = 1; turn <= 3; turn++) {
      const leave = new AbortController();
      const left = ask(undefined, { signal: leave.signal }).catch(() => undefined);
      await expect.poll(() => heard.filter(({ method }) => method === 'POST').length).toBe(turn);
      expect((await ask(undefined, read)).status).toBe(429);
      leave.abort();
      await left;
      await expect.poll(async () => (await ask(undefined, read)).status).toBe(200);
    }
  });

  test('end when they are refused before they reach an agent', async () => {
    const { ask, heard } = await tenantWith(busy);
    for (let turn = 0; turn < 3; turn++) expect((await ask(undefined, { body: 'x'.repeat(2 * 1024 * 1024) })).status).toBe(413);
    expect(heard).toEqual([]);
    expect((await ask()).status).toBe(200);
  });
});
