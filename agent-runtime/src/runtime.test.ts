/** How an agent starts, ends and lives without its database. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pausedStream } from './model/egress.double.ts';
import { tenant, testAgent, type TestAgent } from './runtime.fixture.ts';
import { DatabaseUnavailable, type Database } from './store/database.ts';
import { databaseStartMs } from './store/database.fixture.ts';
import { openPGlite } from './store/pglite.ts';

let pglite: Database;
beforeAll(async () => {
  pglite = await openPGlite();
}, databaseStartMs);
afterAll(() => pglite.close());

/** A database that can be taken away. */
function fragile(): { database: Database; away: (is: boolean) => void } {
  let isAway = false;
  const guard = (): void => {
    if (isAway) throw new DatabaseUnavailable('ECONNREFUSED');
  };
  const database: Database = {
    query: async (...args) => {
      guard();
      return pglite.query(...args);
    },
    transaction: async (work) => {
      guard();
      return pglite.transaction(work);
    },
    close: () => Promise.resolve(),
  };
  return { database, away: (is) => (isAway = is) };
}

const chat = `/api/v1/tenants/${tenant}/chat`;
const settings = `/api/v1/tenants/${tenant}/settings`;
const complete = (agent: TestAgent, stream = false): Promise<Response> =>
  agent.call('POST', '/v1/chat/completions', { body: { stream, messages: [{ role: 'user', content: 'Hello' }] } });
const statusOf = async (url: string): Promise<number> => (await fetch(url)).status;

describe('while the database is away at the start', () => {
  test('the agent lives, is not ready, and becomes ready by itself', async () => {
    const { database, away } = fragile();
    away(true);
    const agent = await testAgent({ database, startOnly: true });
    expect([await statusOf(`${agent.url}/healthz`), await statusOf(`${agent.url}/readyz`)]).toEqual([200, 503]);
    expect(await statusOf(`${agent.metricsURL}/readyz`)).toBe(503);
    const answer = await complete(agent);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    away(false);
    await agent.runtime.ready;
    expect([await statusOf(`${agent.url}/readyz`), await statusOf(`${agent.metricsURL}/readyz`)]).toEqual([200, 200]);
    await agent.stop();
  });

  test('the agent can still be stopped', async () => {
    const { database, away } = fragile();
    away(true);
    const agent = await testAgent({ database, startOnly: true });
    await agent.stop();
  });
});

test('while the database is away later, completions go on under the settings last known; the rest says when to come back', async () => {
  const { database, away } = fragile();
  const agent = await testAgent({ database });
  await agent.call('PUT', settings, { body: { temperature: 0.7 }, headers: { 'if-match': '*' } });
  expect((await complete(agent)).status).toBe(200);
  away(true);
  expect((await complete(agent)).status).toBe(200);
  expect(agent.egress.last().body).toMatchObject({ temperature: 0.7 });
  const refused = [
    await agent.call('POST', chat, { body: { message: 'Hello' } }),
    await agent.call('GET', chat),
    await agent.call('GET', settings),
    await agent.call('PUT', settings, { body: {}, headers: { 'if-match': '*' } }),
  ];
  for (const answer of refused) {
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await answer.json()).toMatchObject({ error: { code: 'database_unavailable' } });
  }
  expect(await statusOf(`${agent.url}/readyz`)).toBe(200);
  away(false);
  expect((await agent.call('POST', chat, { body: { message: 'Hello' } })).status).toBe(200);
  await agent.stop();
});

describe('while it drains, the agent', () => {
  test('is not ready, serves on, and asks for every connection to be closed', async () => {
    const agent = await testAgent({ database: pglite });
    const stopping = agent.runtime.stop(0.5);
    const answer = await complete(agent);
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
    expect(await statusOf(`${agent.url}/readyz`)).toBe(503);
    expect(await statusOf(`${agent.url}/healthz`)).toBe(200);
    await stopping;
    await expect(complete(agent)).rejects.toThrow('fetch failed');
    agent.egress.close();
  });

  test('lets a stream run to its end, then ends at once', async () => {
    const agent = await testAgent({ database: pglite });
    const { promise: gate, resolve: goOn } = Promise.withResolvers<undefined>();
    agent.egress.play(pausedStream(gate));
    const answer = await complete(agent, true);
    let stopped = false;
    const stopping = agent.runtime.stop(0).then(() => (stopped = true));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(stopped).toBe(false);
    goOn(undefined);
    expect(await answer.text()).toContain('[DONE]');
    const endedAt = performance.now();
    await stopping;
    expect(performance.now() - endedAt).toBeLessThan(1_000);
    agent.egress.close();
  });

  test('tells a request that was waiting for its model when the drain began to close too', async () => {
    const agent = await testAgent({ database: pglite });
    const { promise: gate, resolve: goOn } = Promise.withResolvers<undefined>();
    agent.egress.play(async (_body, response) => {
      await gate;
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
    const asked = complete(agent);
    await expect.poll(() => agent.egress.received.length).toBe(1);
    const stopping = agent.runtime.stop(0.1);
    goOn(undefined);
    expect((await asked).headers.get('connection')).toBe('close');
    await stopping;
    agent.egress.close();
  });

  test('does not wait for connections that say nothing', async () => {
    const agent = await testAgent({ database: pglite });
    const idle = connect(agent.runtime.httpPort, '127.0.0.1');
    await new Promise((resolve) => idle.once('connect', resolve));
    await agent.stop();
    idle.destroy();
  });
});

test('metrics count requests by route and calls by model, for this tenant and agent', async () => {
  const agent = await testAgent({ database: pglite });
  await complete(agent);
  await agent.call('GET', '/api/v1/tenants/globex/chat');
  const text = await (await fetch(`${agent.metricsURL}/metrics`)).text();
  const ours = `tenant="${tenant}",agent="${agent.document.agent}"`;
  expect(text).toContain(`http_server_request_duration_seconds_count{${ours},method="POST",route="/v1/chat/completions",status="200"} 1`);
  expect(text).toContain(`cloister_agent_model_calls_total{model="offline/echo",outcome="answered",${ours}} 1`);
  expect(text).not.toContain('globex');
  expect(await statusOf(`${agent.url}/metrics`)).toBe(401);
  await agent.stop();
});

test('a request is one log line with tenant, agent, request id and trace', async () => {
  const agent = await testAgent({ database: pglite });
  const headers = { 'x-request-id': 'req-1', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
  await agent.call('GET', '/v1/models', { headers });
  await expect.poll(() => agent.log.filter((line) => line.includes('req-1'))).toHaveLength(1);
  expect(JSON.parse(agent.log.find((line) => line.includes('req-1')) ?? '')).toMatchObject({
    level: 'info',
    tenant,
    agent: agent.document.agent,
    requestId: 'req-1',
    traceId: '0af7651916cd43dd8448eb211c80319c',
    route: '/v1/models',
    status: 200,
  });
  await agent.stop();
});
