/** Callers without a good credential, many at once. What a 401 costs in time is measured by test/load/floods.ts; here is what it does not touch. */
import { createApiKey } from '@cloister/identity';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { agentDouble } from './agent.double.ts';
import { agentsAt, edgeUnderTest } from './edge.fixture.ts';
import { localUseStore } from './key-uses/local-use-store.ts';
import { LocalLimiter } from './rate-limit/local-limiter.ts';

const [strangers, rounds] = [1_000, 3];
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (alg: string, claims: object) => `${part({ alg, kid: 'k1' })}.${part({ exp: 4e9, sub: 'x', ...claims })}.${'A'.repeat(43)}`;
const bad: readonly (() => string)[] = [
  () => createApiKey('acme'),
  () => createApiKey('nobody'),
  () => 'sk-of-somebody-else',
  () => `ck_acme_${'0'.repeat(12_000)}`,
  () => jwt('HS256', { tenant_id: 'acme' }),
  () => jwt('RS256', { iss: 'https://issuer.of.nobody', aud: 'x' }),
];
/** Announces a body of which nothing comes. */
const asked = (credential: string) =>
  `POST /v1/chat/completions HTTP/1.1\r\nHost: chat.example\r\nAuthorization: Bearer ${credential}\r\nContent-Length: 1000\r\n\r\n`;

test('a thousand strangers at once hear 401, and one who may come in is answered each time beside them', { timeout: 60_000 }, async () => {
  let counted = 0;
  class CountingLimiter extends LocalLimiter {
    override take(...claim: Parameters<LocalLimiter['take']>) {
      counted++;
      return super.take(...claim);
    }
  }
  const fetched: string[] = [];
  await using agent = await agentDouble();
  await using edge = await edgeUnderTest({
    limiter: new CountingLimiter(),
    useStore: localUseStore(),
    issuerKeys: (issuer) => {
      fetched.push(issuer);
      return Promise.reject(new Error('nobody trusts it'));
    },
  });
  const key = edge.addTenant('acme', { ...agentsAt(agent.url, 'support'), rateLimits: { requestsPerMinute: 100_000 } });
  const ask = async () =>
    (await fetch(`${edge.url}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${key}` }, body: '{}' })).status;

  const sockets = await Promise.all(Array.from({ length: strangers }, () => connected(edge.port)));
  const work = { done: false };
  const answers: number[] = [];
  const regular = (async () => {
    while (!work.done) answers.push(await ask());
  })();
  for (let round = 0; round < rounds; round++) {
    const heard = sockets.map(async (socket, at) => {
      const answer = once(socket, 'data');
      socket.write(asked(bad[(at + round) % bad.length]?.() ?? '') + (round < rounds - 1 ? 'x'.repeat(1_000) : ''));
      return String((await answer)[0]).split(' ')[1];
    });
    expect(new Set(await Promise.all(heard)), 'without waiting for a body').toEqual(new Set(['401']));
  }
  work.done = true;
  await regular;
  for (const socket of sockets) socket.destroy();

  expect(answers.length).toBeGreaterThan(0);
  expect(new Set(answers)).toEqual(new Set([200]));
  expect(agent.heard, 'nobody else reached the agent').toHaveLength(answers.length);
  expect([counted, fetched], 'nobody else was counted, and no issuer asked').toEqual([answers.length, []]);
  expect(edge.lines.filter((line) => line.includes('"status":401'))).toHaveLength(strangers * rounds);
});

test('who is being answered is so to the end while others want more connections than there may be, and metrics tell of those', async () => {
  const answers: ServerResponse[] = [];
  await using agent = await agentDouble((response) => {
    answers.push(response);
    response.writeHead(200).write('for now');
  });
  await using edge = await edgeUnderTest({ connectionBounds: { total: 10, perAddress: 10 } });
  const key = edge.addTenant('acme', agentsAt(agent.url, 'support'));
  const inside = await connected(edge.port);
  let heard = '';
  inside.on('data', (piece) => (heard += String(piece)));
  inside.write(`POST /v1/chat/completions HTTP/1.1\r\nHost: chat.example\r\nAuthorization: Bearer ${key}\r\nContent-Length: 2\r\n\r\n{}`);
  await expect.poll(() => heard).toContain('for now');
  const flood = await Promise.all(Array.from({ length: 100 }, () => connected(edge.port)));
  await expect.poll(() => edge.registry.metrics()).toContain('cloister_edge_refused_connections_total{bound="total"} 91\n');
  expect(await edge.registry.metrics()).toContain('cloister_edge_open_connections 10\n');
  answers[0]?.end('at last');
  await expect.poll(() => heard).toContain('at last');
  for (const socket of [inside, ...flood]) socket.destroy();
});

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}
