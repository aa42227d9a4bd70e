import { createApiKey } from '@cloister/identity';
import type { TenantPolicy } from '@cloister/tenancy';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { agentDouble, type AgentDouble } from './agent.double.ts';
import { agentsAt, edgeUnderTest, type EdgeUnderTest } from './edge.fixture.ts';

let agent: AgentDouble;
let edge: EdgeUnderTest;
let acme: string;
let bravo: string;
beforeAll(async () => {
  agent = await agentDouble((response) => response.writeHead(200, { 'content-length': 2 }).end('{}'));
  edge = await edgeUnderTest({ sharedHosts: new Set(['chat.example']) });
  acme = edge.addTenant('acme', { ...agentsAt(agent.url, 'support', 'sales'), hosts: ['acme.example'] });
  bravo = edge.addTenant('bravo', { ...agentsAt(agent.url, 'secret-agent'), hosts: ['bravo.example'] });
});
afterAll(async () => {
  await Promise.all([edge[Symbol.asyncDispose](), agent[Symbol.asyncDispose]()]);
});

interface Raw {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Byte for byte over a socket, since HTTP clients tidy up what is tested here. */
async function raw(lines: readonly string[], body = ''): Promise<Raw> {
  const socket = connect(edge.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  let text = '';
  for await (const piece of socket) {
    text += String(piece);
    if (/^content-length: (\d+)/im.test(text) && text.includes('}')) break;
  }
  socket.destroy();
  const [head = '', rest = ''] = text.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), head, body: rest };
}

const ask = (target: string, host = 'chat.example', key = acme, method = 'GET') =>
  raw([`${method} ${target} HTTP/1.1`, `Host: ${host}`, `Authorization: Bearer ${key}`, 'Content-Length: 0']);

/** Without what differs from one answer to the next by its nature. */
const withoutIds = ({ head, body }: Raw) => `${head.replace(/^(date|x-request-id): .*$/gim, '')}\n${body}`;

describe('everything that is not the caller’s gets the 404 of a page that does not exist', () => {
  test.each([
    ['another tenant’s host', '/v1/models', 'bravo.example'],
    ['another tenant’s host in capitals with a port', '/v1/models', 'BRAVO.example:443'],
    ['another tenant’s host with a final dot', '/v1/models', 'bravo.example.'],
    ['a host that is nobody’s', '/v1/models', 'charlie.example'],
    ['another tenant’s chat', '/api/v1/tenants/bravo/chat', 'chat.example'],
    ['another tenant’s settings', '/api/v1/tenants/bravo/settings', 'acme.example'],
    ['a tenant that does not exist', '/api/v1/tenants/charlie/chat', 'chat.example'],
    ['a tenant whose name begins with the caller’s', '/api/v1/tenants/acme2/chat', 'chat.example'],
    ['the list of tenants', '/api/v1/tenants', 'chat.example'],
    ['a way out of the caller’s own path', '/api/v1/tenants/acme/../bravo/chat', 'chat.example'],
    ['an encoded way out', '/api/v1/tenants/acme/%2e%2e/bravo/chat', 'chat.example'],
    ['an encoded slash', '/api/v1/tenants/acme%2f..%2fbravo/chat', 'chat.example'],
    ['a backslash', '/api/v1/tenants/acme\\..\\bravo/chat', 'chat.example'],
    ['doubled slashes', '//v1/models', 'chat.example'],
    ['a whole URL of another host', 'http://bravo.example/v1/models', 'chat.example'],
    ['an agent’s health page', '/agents/support/healthz', 'chat.example'],
    ['an agent’s metrics', '/metrics', 'chat.example'],
    ['a page with far too long a name', `/v1/${'x'.repeat(9000)}`, 'chat.example'],
  ])('%s', async (_, target, host) => {
    const heard = agent.heard.length;
    const [given, nothing] = [await ask(target, host), await ask('/no-such-page')];
    expect(given.status).toBe(404);
    expect(withoutIds(given)).toBe(withoutIds(nothing));
    expect(agent.heard.length).toBe(heard);
  });
});

test.each([
  ['by path', '/agents/secret-agent/v1/models'],
  ['by query', '/v1/chat/completions?agent=secret-agent'],
  ['by path and query', '/agents/secret-agent/v1/models?agent=secret-agent'],
  ['as nothing', '/v1/models?agent='],
])('another tenant’s agent, named %s, gets the answer of an agent that nobody has', async (_, target) => {
  const heard = agent.heard.length;
  const [given, nothing] = [await ask(target), await ask('/agents/nobody/v1/models')];
  expect([given.status, JSON.parse(given.body)]).toMatchObject([404, { error: { code: 'agent_not_found' } }]);
  expect(withoutIds(given)).toBe(withoutIds(nothing));
  expect(given.head).not.toMatch(/retry-after/i);
  expect(agent.heard.length).toBe(heard);
});

describe('the caller’s own', () => {
  test.each([
    ['on its own host', '/v1/chat/completions', 'acme.example', '/v1/chat/completions'],
    ['on its own host with a port', '/v1/chat/completions', 'Acme.Example:8443', '/v1/chat/completions'],
    ['on a shared host', '/v1/chat/completions', 'chat.example', '/v1/chat/completions'],
    ['REST path', '/api/v1/tenants/acme/chat?limit=2', 'chat.example', '/api/v1/tenants/acme/chat?limit=2'],
    ['agent by path', '/agents/sales/api/v1/tenants/acme/chat', 'chat.example', '/api/v1/tenants/acme/chat'],
    ['agent by query', '/v1/models?a=%20b&agent=sales&c', 'chat.example', '/v1/models?a=%20b&c'],
    ['settings', '/api/v1/tenants/acme/settings', 'acme.example', '/api/v1/tenants/acme/settings'],
  ])('%s goes through', async (_, target, host, heard) => {
    expect((await ask(target, host)).status).toBe(200);
    expect(agent.heard.at(-1)?.url).toBe(heard);
  });

  test('list of models is its agents, so that each can be named as "model"', async () => {
    expect(JSON.parse((await ask('/v1/models')).body)).toMatchObject({
      object: 'list',
      data: [
        { id: 'support', object: 'model', owned_by: 'acme' },
        { id: 'sales', object: 'model', owned_by: 'acme' },
      ],
    });
  });

  test('models are each there under the name that the list has, and others are asked of the agent', async () => {
    const heard = agent.heard.length;
    const { data } = z.object({ data: z.array(z.looseObject({ id: z.string() })) }).parse(JSON.parse((await ask('/v1/models')).body));
    for (const model of data) expect(JSON.parse((await ask(`/v1/models/${model.id}?x=1`)).body)).toEqual(model);
    expect(agent.heard.length).toBe(heard);
    for (const target of ['/v1/models/secret-agent', '/v1/models/offline/echo', '/v1/models/sales/x', '/v1/models/constructor']) {
      await ask(target);
      expect(agent.heard.at(-1)?.url).toBe(target);
    }
    await ask('/v1/models/sales?agent=support');
    expect(agent.heard.at(-1)?.url, 'as a named agent has it').toBe('/v1/models/sales');
    await ask('/v1/models/sales', 'chat.example', acme, 'DELETE');
    expect(agent.heard.at(-1)?.method).toBe('DELETE');
  });
});

describe('of several agents answers', () => {
  const post = (path: string, body: string) =>
    fetch(`${edge.url}${path}`, { method: 'POST', headers: { 'x-api-key': key }, body }).then((answer) => answer.text());
  let key: string;
  let shared: EdgeUnderTest;
  beforeAll(async () => {
    shared = edge;
    edge = await edgeUnderTest();
    const [one, two] = await Promise.all([agentDouble((response) => response.end('one')), agentDouble((response) => response.end('two'))]);
    const agents: TenantPolicy['agents'] = [
      { name: 'one', url: one.url },
      { name: 'two', url: two.url },
    ];
    key = edge.addTenant('acme', { agents, defaultAgent: 'one' });
    return async () => {
      await Promise.all([edge, one, two].map((server) => server[Symbol.asyncDispose]()));
      edge = shared;
    };
  });

  test.each([
    ['the one that the path names', '/agents/two/v1/chat/completions', '{"model":"one"}', 'two'],
    ['the one that the query names', '/v1/chat/completions?agent=two', '{"model":"one"}', 'two'],
    ['the one that "model" names', '/v1/chat/completions', '{"model":"two"}', 'two'],
    ['the one that "model" names behind a byte order mark', '/v1/chat/completions', '\uFEFF{"model":"two"}', 'two'],
    ['the default where "model" names a model', '/v1/chat/completions', '{"model":"openai/gpt-5"}', 'one'],
    ['the default where the body is no JSON', '/v1/chat/completions', '{{', 'one'],
    ['the default elsewhere, whatever the body says', '/v1/embeddings', '{"model":"two"}', 'one'],
  ])('%s', async (_, path, body, expected) => {
    expect(await post(path, body)).toBe(expected);
  });
});

describe('a tenant that is', () => {
  test.each([
    ['suspended says so, and when to ask again', { state: 'Suspended' as const }, 503, 'tenant_suspended'],
    ['without an agent says what to do', { agents: [], defaultAgent: undefined }, 404, 'no_agent'],
  ])('%s', async (_, change, status, code) => {
    const key = edge.addTenant('changing', { hosts: [] });
    const policy = edge.policies.byTenant('changing');
    if (policy) edge.policies.put('tenant-changing', { ...policy, ...change });
    const answer = await ask('/v1/chat/completions', 'chat.example', key, 'POST');
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([status, { error: { code } }]);
    if (status === 503) expect(answer.head).toMatch(/retry-after: \d+/);
  });

  test('suspended is named as such in the answer, whatever is asked', async () => {
    const key = edge.addTenant('resting', { hosts: [], state: 'Suspended' });
    for (const target of ['/v1/models', '/v1/chat/completions', '/api/v1/tenants/resting/settings']) {
      const { status, head, body } = await ask(target, 'chat.example', key);
      expect([status, body]).toEqual([503, expect.stringContaining('this tenant is suspended')]);
      expect(head).toMatch(/^retry-after: 300$/im);
    }
  });

  test.each([
    ['with its access document', true],
    ['without it', false],
  ])('archived is answered like one that does not exist, %s', async (_, withAccess) => {
    const key = edge.addTenant('archived', { hosts: [], agents: [], state: 'Archived' });
    if (!withAccess) edge.access.remove('tenant-archived');
    const answer = await ask('/v1/models', 'chat.example', key);
    const stranger = await ask('/v1/models', 'chat.example', createApiKey('nobody'));
    expect(answer.status).toBe(401);
    expect(withoutIds(answer)).toBe(withoutIds(stranger));
  });
});

describe('what two servers could read differently is refused', () => {
  const head = ['POST /v1/chat/completions HTTP/1.1', 'Host: chat.example'];
  test.each([
    ['a length beside chunks', [...head, 'Content-Length: 4', 'Transfer-Encoding: chunked'], 400],
    ['two lengths', [...head, 'Content-Length: 4', 'Content-Length: 5'], 400],
    ['a length with a sign', [...head, 'Content-Length: +4'], 400],
    ['an unknown coding before chunked', [...head, 'Transfer-Encoding: xchunked'], 400],
    ['white space before the colon', [...head, 'X-Own : 1'], 400],
    ['a header folded over two lines', [...head, 'X-Own: a', ' b'], 400],
    ['headers beyond 16 KiB', [...head, `X-Own: ${'x'.repeat(20_000)}`], 431],
  ])('%s', async (_, lines, status) => {
    const heard = agent.heard.length;
    const answer = await raw(lines, '0\r\n\r\n');
    expect(answer.status).toBe(status);
    expect(agent.heard.length).toBe(heard);
  });

  test('two hosts', async () => {
    const lines = ['GET /v1/models HTTP/1.1', 'Host: acme.example', 'Host: bravo.example', `Authorization: Bearer ${acme}`];
    expect([400, 404]).toContain((await raw(lines)).status);
  });

  test('an upgrade of the connection', async () => {
    const lines = [
      'GET /v1/models HTTP/1.1',
      'Host: chat.example',
      'Connection: Upgrade',
      'Upgrade: websocket',
      `Authorization: Bearer ${bravo}`,
    ];
    expect((await raw(lines)).status).toBe(501);
  });
});

test('headers that come too slowly are cut off', async () => {
  const slow = await edgeUnderTest({ headersTimeoutMs: 300, requestTimeoutMs: 600 });
  const socket = connect(slow.port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n');
  const drip = setInterval(() => socket.write('X-A: b\r\n'), 50);
  const pieces: string[] = [];
  socket.on('data', (piece) => pieces.push(String(piece))).on('error', () => undefined);
  await once(socket, 'close');
  clearInterval(drip);
  expect(pieces.join('')).toMatch(/^HTTP\/1.1 408/);
  await slow[Symbol.asyncDispose]();
});
