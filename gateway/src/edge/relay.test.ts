import { callerVerifier } from '@cloister/identity';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { agentDouble } from './agent.double.ts';
import { agentsAt, edgeUnderTest } from './edge.fixture.ts';

const chat = (key: string, body: unknown, headers: Record<string, string> = {}) => ({
  method: 'POST',
  headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

test('a request with a valid key reaches the tenant’s agent, and its answer comes back as it was', async () => {
  await using agent = await agentDouble((response) => response.writeHead(201, { 'x-of-agent': 'yes' }).end('{"a":1}'));
  await using edge = await edgeUnderTest();
  const key = edge.addTenant('acme', agentsAt(agent.url, 'support'));
  const answer = await fetch(`${edge.url}/v1/chat/completions?x=%20y`, chat(key, { messages: [] }));
  expect([answer.status, answer.headers.get('x-of-agent'), await answer.text()]).toEqual([201, 'yes', '{"a":1}']);
  expect(agent.heard).toMatchObject([{ method: 'POST', url: '/v1/chat/completions?x=%20y', body: '{"messages":[]}' }]);
});

test('the caller hears who answered and how its budget and kept answers were used, and nothing else that Cloister’s parts tell each other', async () => {
  const told = { 'x-cloister-cache': 'hit', 'x-cloister-downgraded': 'openai/small', 'x-cloister-throttled': '2.0' };
  await using agent = await agentDouble((response) =>
    response
      .writeHead(200, { ...told, 'x-cloister-tokens': '5', 'x-cloister-new': '1', 'set-cookie': 'a=b', 'x-of-agent': 'yes' })
      .end('{}'),
  );
  await using edge = await edgeUnderTest();
  const answer = await fetch(`${edge.url}/v1/chat/completions`, chat(edge.addTenant('acme', agentsAt(agent.url, 'support')), {}));
  expect(Object.fromEntries([...answer.headers].filter(([name]) => name.startsWith('x-cloister-')))).toEqual({
    ...told,
    'x-cloister-agent': 'support',
  });
  expect(['set-cookie', 'x-of-agent'].map((name) => answer.headers.get(name))).toEqual([null, 'yes']);
});

describe('the agent hears', () => {
  test('a signed word for the caller instead of the credential, and nothing that could pass for ours', async () => {
    await using agent = await agentDouble();
    await using edge = await edgeUnderTest();
    const key = edge.addTenant('acme', agentsAt(agent.url, 'support'));
    await fetch(
      `${edge.url}/v1/chat/completions`,
      chat(key, {}, { 'x-api-key': key, cookie: 'a=b', 'x-cloister-tenant': 'bravo', 'x-own': '1' }),
    );
    const { authorization, traceparent, ...headers } = agent.heard[0]?.headers ?? {};
    expect(JSON.stringify(agent.heard)).not.toContain(key);
    expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(['cookie']));
    expect(headers['x-own']).toBe('1');
    expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect([headers['x-cloister-tenant'], headers['x-api-key'], headers.cookie]).toEqual([undefined, undefined, undefined]);
    expect(traceparent).toMatch(/^00-/);
    const verify = callerVerifier({ issuer: 'cloister-edge', audience: 'agent:acme', jwks: edge.identity.jwks });
    await expect(verify(authorization?.slice('Bearer '.length) ?? '')).resolves.toMatchObject({
      tenant: 'acme',
      scopes: ['chat', 'settings'],
    });
  });

  test('no header that the caller’s Connection header declares to be for one hop', async () => {
    await using agent = await agentDouble();
    await using edge = await edgeUnderTest();
    const key = edge.addTenant('acme', agentsAt(agent.url, 'support'));
    const request = httpRequest(`${edge.url}/v1/models?agent=support`, {
      headers: { authorization: `Bearer ${key}`, connection: 'close, x-secret-hop', 'x-secret-hop': '1', te: 'trailers' },
    });
    await once(request.end(), 'response');
    expect(agent.heard[0]?.headers).not.toHaveProperty('x-secret-hop');
    expect(agent.heard[0]?.headers).not.toHaveProperty('te');
    expect(agent.heard[0]?.url).toBe('/v1/models');
  });

  test('a body of any size, in chunks or not', async () => {
    await using agent = await agentDouble((response, { body }) => response.end(String(body.length)));
    await using edge = await edgeUnderTest();
    const key = edge.addTenant('acme', agentsAt(agent.url, 'support'));
    for (const size of [0, 10, 70_000, 900_000]) {
      const body = 'x'.repeat(size);
      const whole = await fetch(`${edge.url}/v1/files`, { method: 'POST', headers: { 'x-api-key': key }, body });
      expect(await whole.text()).toBe(String(size));
      const pieces = await fetch(`${edge.url}/v1/files`, {
        method: 'POST',
        headers: { 'x-api-key': key },
        body: new Blob([body]).stream(),
        duplex: 'half',
      });
      expect(await pieces.text()).toBe(String(size));
    }
  });
});

describe('a stream', () => {
  test('goes out piece by piece: the first arrives long before the agent ends', async () => {
    let finish = () => {};
    await using agent = await agentDouble((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: one\n\n');
      finish = () => response.end('data: two\n\n');
    });
    await using edge = await edgeUnderTest();
    const key = edge.addTenant('acme', agentsAt(agent.url, 'support'));
    const answer = await fetch(`${edge.url}/v1/chat/completions`, chat(key, {}));
    const pieces: string[] = [];
    for await (const piece of answer.body ?? []) {
      pieces.push(Buffer.from(piece).toString());
      finish();
    }
    expect(pieces).toEqual(['data: one\n\n', 'data: two\n\n']);
  });

  test.each([
    ['before the answer began', false],
    ['in the middle of the answer', true],
  ])('that the caller leaves %s is ended at the agent within 100 ms', async (_, begun) => {
    const ended = Promise.withResolvers<number>();
    const asked = Promise.withResolvers<undefined>();
    await using agent = await agentDouble((response) => {
      if (begun) response.writeHead(200).write('data: one\n\n');
      response.once('close', () => ended.resolve(Date.now()));
      asked.resolve(undefined);
    });
    await using edge = await edgeUnderTest();
    const key = edge.addTenant('acme', agentsAt(agent.url, 'support'));
    const leave = new AbortController();
    const answer = fetch(`${edge.url}/v1/chat/completions`, { ...chat(key, {}), signal: leave.signal }).catch(() => undefined);
    await asked.promise;
    if (begun) await answer;
    const left = Date.now();
    leave.abort();
    expect((await ended.promise) - left).toBeLessThan(100);
  });

  test('that the agent breaks off is broken off for the caller too, never ended as if it were whole', async () => {
    await using agent = await agentDouble((response) => {
      response.writeHead(200).write('data: one\n\n');
      setTimeout(() => response.destroy(), 20);
    });
    await using edge = await edgeUnderTest();
    const key = edge.addTenant('acme', agentsAt(agent.url, 'support'));
    const answer = await fetch(`${edge.url}/v1/chat/completions`, chat(key, {}));
    await expect(answer.text()).rejects.toThrow();
  });
});

describe('an agent that', () => {
  test('is scaled to zero is not asked, and says so without a time to try again; so does one that the body names', async () => {
    await using agent = await agentDouble();
    await using edge = await edgeUnderTest();
    const idle = { name: 'idle', url: agent.url, scaledToZero: true as const };
    const { agents, defaultAgent } = agentsAt(agent.url, 'support');
    const key = edge.addTenant('acme', { agents: [...agents, idle], defaultAgent });
    for (const [path, body] of [
      ['/agents/idle/v1/chat/completions', {}],
      ['/v1/chat/completions', { model: 'idle' }],
    ] as const) {
      const answer = await fetch(`${edge.url}${path}`, chat(key, body));
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, null]);
      expect(await answer.json()).toMatchObject({
        error: { code: 'agent_scaled_to_zero', message: expect.stringContaining('"idle"') as string },
      });
    }
    expect(agent.heard).toEqual([]);
    expect((await fetch(`${edge.url}/v1/chat/completions`, chat(key, {}))).status).toBe(200);
  });

  test('is not there gives 503 with a time to try again', async () => {
    await using edge = await edgeUnderTest();
    const key = edge.addTenant('acme', agentsAt('http://127.0.0.1:1', 'support'));
    const answer = await fetch(`${edge.url}/v1/chat/completions`, chat(key, {}));
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2']);
    expect(await answer.json()).toMatchObject({ error: { code: 'agent_unavailable' } });
  });

  test('cannot be reached for a moment answers all the same, a request of any size, as a pod does that has just started', async () => {
    const gone = await agentDouble();
    await gone[Symbol.asyncDispose]();
    await using edge = await edgeUnderTest();
    const key = edge.addTenant('acme', agentsAt(gone.url, 'support'));
    const bodies = ['short', 'long'.repeat(50_000)].map((content) => ({ content }));
    const answers = Promise.all(bodies.map((body) => fetch(`${edge.url}/v1/chat/completions`, chat(key, body))));
    await sleep(500);
    await using agent = await agentDouble(undefined, undefined, Number(new URL(gone.url).port));
    expect((await answers).map(({ status }) => status)).toEqual([200, 200]);
    expect(agent.heard.map(({ body }) => body.length).sort()).toEqual(bodies.map((body) => JSON.stringify(body).length).sort());
  });

  test('cannot be reached again and again is left alone for a moment, and answers as soon as it is back', async () => {
    const agent = await agentDouble();
    await agent[Symbol.asyncDispose]();
    await using edge = await edgeUnderTest();
    const key = edge.addTenant('acme', agentsAt(agent.url, 'support'));
    const ask = () => fetch(`${edge.url}/v1/chat/completions`, chat(key, {}));
    const first = await Promise.all(Array.from({ length: 5 }, ask));
    expect(first.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503]);
    expect(edge.lines.join('')).not.toContain('circuit');
    const refused = await ask();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await refused.json()).toMatchObject({ error: { code: 'agent_unavailable' } });
    expect(edge.lines.at(-1)).toContain('"circuitOpen":true');
    expect(await edge.registry.metrics()).toContain('cloister_edge_open_circuits 1');
    await using _back = await agentDouble(undefined, undefined, Number(new URL(agent.url).port));
    await expect.poll(async () => (await ask()).status, { timeout: 5_000 }).toBe(200);
    expect(await Promise.all(Array.from({ length: 10 }, async () => (await ask()).status))).toEqual(Array.from({ length: 10 }, () => 200));
    expect(await edge.registry.metrics()).toContain('cloister_edge_open_circuits 0');
  });

  test('answers errors is asked all the same: they are answers', async () => {
    await using agent = await agentDouble((response) => response.writeHead(502).end('{}'));
    await using edge = await edgeUnderTest();
    const key = edge.addTenant('acme', agentsAt(agent.url, 'support'));
    for (let turn = 0; turn < 10; turn++) expect((await fetch(`${edge.url}/v1/chat/completions`, chat(key, {}))).status).toBe(502);
    expect(agent.heard).toHaveLength(10);
  });

  test('hangs up without an answer gives 502, and was asked once only', async () => {
    await using agent = await agentDouble((response) => response.destroy());
    await using edge = await edgeUnderTest();
    const key = edge.addTenant('acme', agentsAt(agent.url, 'support'));
    const answer = await fetch(`${edge.url}/v1/chat/completions`, chat(key, {}));
    expect(answer.status).toBe(502);
    expect(agent.heard).toHaveLength(1);
  });

  test('does not answer in time gives 504', async () => {
    await using agent = await agentDouble(() => undefined);
    await using edge = await edgeUnderTest({ timeouts: { connect: 500, headers: 100, idle: 100 } });
    const key = edge.addTenant('acme', agentsAt(agent.url, 'support'));
    expect((await fetch(`${edge.url}/v1/chat/completions`, chat(key, {}))).status).toBe(504);
  });

  test('answers keeps its connection for the next request', async () => {
    await using agent = await agentDouble();
    await using edge = await edgeUnderTest();
    const key = edge.addTenant('acme', agentsAt(agent.url, 'support'));
    for (let turn = 0; turn < 5; turn++) await (await fetch(`${edge.url}/v1/chat/completions`, chat(key, {}))).text();
    expect(agent.connections()).toBe(1);
  });
});

test('a body over the limit is refused with 413, whether its length is declared or not', async () => {
  await using agent = await agentDouble();
  await using edge = await edgeUnderTest({ maxBodyBytes: 100_000 });
  const key = edge.addTenant('acme', agentsAt(agent.url, 'support'));
  const body = 'x'.repeat(200_000);
  const declared = await fetch(`${edge.url}/v1/files`, { method: 'POST', headers: { 'x-api-key': key }, body });
  expect(declared.status).toBe(413);
  const pieces = await fetch(`${edge.url}/v1/files`, {
    method: 'POST',
    headers: { 'x-api-key': key },
    body: new Blob([body]).stream(),
    duplex: 'half',
  });
  expect(pieces.status).toBe(413);
});

test('while it drains, a stream in flight ends well and every new answer asks the caller to close', async () => {
  let finish = () => {};
  await using agent = await agentDouble((response, { url }) => {
    if (url !== '/v1/slow') {
      response.end('ok');
      return;
    }
    response.writeHead(200).write('one,');
    finish = () => response.end('two');
  });
  const edge = await edgeUnderTest({ drainSeconds: 0.3 });
  const key = edge.addTenant('acme', agentsAt(agent.url, 'support'));
  const slow = await fetch(`${edge.url}/v1/slow`, { headers: { 'x-api-key': key } });
  const drained = edge.drain();
  expect((await fetch(`${edge.url}/readyz`)).status).toBe(503);
  const meanwhile = await fetch(`${edge.url}/v1/fast`, { headers: { 'x-api-key': key } });
  expect([meanwhile.status, meanwhile.headers.get('connection')]).toEqual([200, 'close']);
  await sleep(400);
  await expect(fetch(`${edge.url}/v1/fast`)).rejects.toThrow();
  finish();
  expect(await slow.text()).toBe('one,two');
  await drained;
});
