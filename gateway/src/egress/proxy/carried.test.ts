/** What is carried, for how long, how it ends, and what is on record of it. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { inTurn } from '../audit/chain.fixture.ts';
import { exportOf } from '../audit/command.ts';
import { connectionRecord, type ConnectionRecord } from '../audit/record.ts';
import { verify } from '../audit/verify.ts';
import type { EgressUnderTest } from '../egress.fixture.ts';
import { proxyUnderTest, publicAddress, readAll, say, type Answer, type ProxyUnderTest } from './proxy.fixture.ts';

let proxy: ProxyUnderTest;
let egress: EgressUnderTest;
let ask: ProxyUnderTest['ask'];
let token: string;
let dns: ProxyUnderTest['dns'];
beforeAll(async () => {
  proxy = await proxyUnderTest();
  ({ egress, token, ask, dns } = proxy);
}, 60_000);
afterEach(() => proxy.reset());
afterAll(() => proxy[Symbol.asyncDispose]());

test('a connection ends with its last allowed byte, and the metrics tell whose it was and how it ended', async () => {
  const { socket } = await ask('api.example.com:443');
  const whole = readAll(socket);
  socket.write(Buffer.alloc(20_000));
  expect((await whole).length).toBeLessThanOrEqual(10_000);
  await expect
    .poll(() => egress.registry.metrics())
    .toContain('cloister_proxy_connections_total{tenant="acme",outcome="too many bytes"} 1');
});

test('bytes that come right behind the request are carried too', async () => {
  const authority = 'api.example.com:443';
  const { socket, text } = await say(
    egress.url,
    `CONNECT ${authority} HTTP/1.1`,
    `Host: ${authority}`,
    `Proxy-Authorization: Bearer ${token}`,
    '',
    'early',
  );
  const rest = readAll(socket);
  socket.end();
  expect(text + (await rest)).toMatch(/early\r\n\r\n$/);
});

test('a body that a CONNECT announces is none: all that follows is carried, and nothing is read as another request', async () => {
  const authority = 'api.example.com:443';
  const smuggled = 'GET /v1/models HTTP/1.1';
  const { socket, text } = await say(
    egress.url,
    `CONNECT ${authority} HTTP/1.1`,
    `Host: ${authority}`,
    `Proxy-Authorization: Bearer ${token}`,
    'Content-Length: 4',
    '',
    `abcd${smuggled}`,
  );
  const rest = readAll(socket);
  socket.end();
  expect(text + (await rest)).toBe(`HTTP/1.1 200 Connection Established\r\n\r\nabcd${smuggled}\r\n\r\n`);
});

test('a connection behind a call that is not answered yet harms nobody', async () => {
  const authority = 'api.example.com:443';
  const body = JSON.stringify({ model: 'offline/echo', messages: [{ role: 'user', content: 'say 3 words' }] });
  const { socket, text } = await say(
    egress.url,
    'POST /v1/chat/completions HTTP/1.1',
    'Host: egress',
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    '',
    `${body}CONNECT ${authority} HTTP/1.1`,
    `Host: ${authority}`,
    `Proxy-Authorization: Bearer ${token}`,
  );
  expect(text).toMatch(/^HTTP\/1\.1 200/);
  socket.destroy();
  expect((await ask(authority)).status).toBe(200);
});

test('whoever was refused and goes on sending is closed all the same', async () => {
  const { socket } = await ask('evil.example:443');
  const talking = setInterval(() => socket.writable && socket.write('x'), 50);
  await new Promise((resolve) => socket.resume().once('close', resolve)); // with an error, where it was in the middle of a word
  clearInterval(talking);
});

test('a tenant has no more connections than it may, and one that ends makes room', async () => {
  const [first] = [await ask('api.example.com:443'), await ask('api.example.com:443')];
  const refused = await ask('api.example.com:443');
  expect([refused.status, refused.text.includes('too_many_connections')]).toEqual([429, true]);
  first.socket.destroy();
  await expect.poll(async () => (await ask('api.example.com:443')).status).toBe(200);
});

test('tenants that take all they can get leave a connection for one who comes later, and who has its share hears so', async () => {
  const open = { egress: { domains: ['api.example.com'], ports: [443] } };
  const tokens = await Promise.all(['one', 'two', 'three'].map((name) => egress.addTenant(name, open)));
  const [one, two, three] = tokens.map((text) => `Bearer ${text}`);
  for (const credential of [one, one, two]) expect((await ask('api.example.com:443', credential)).status).toBe(200);
  expect((await ask('api.example.com:443', three)).status, 'the fourth of five').toBe(200);
  const refused = await ask('api.example.com:443', two);
  expect(refused.text).toMatch(/^HTTP\/1\.1 503 [^]*retry-after: 5\r\n[^]*tenant \\"two\\" with 1 its share[^]*proxy_busy/);
  await expect.poll(() => egress.registry.metrics()).toContain('cloister_proxy_connections_total{tenant="two",outcome="proxy_busy"} 1');
});

test('who hangs up before there is a connection has its place back at once, and that host is not said to be unreachable', async () => {
  const tenant = await egress.addTenant('hasty', { egress: { domains: ['slow.example'], ports: [443] } });
  dns.set('slow.example', []);
  const authority = 'slow.example:443';
  const { port } = new URL(egress.url);
  const socket = connect(Number(port), '127.0.0.1').on('error', () => undefined);
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\nProxy-Authorization: Bearer ${tenant}\r\n\r\n`);
  await expect.poll(() => proxy.lookedUp).toEqual(['slow.example']);
  socket.resetAndDestroy();
  expect(await recordsOf('hasty', 1)).toMatchObject([{ host: 'slow.example', port: 443, outcome: 'failed', code: 'caller_gone' }]);
  expect(await egress.registry.metrics()).toContain('cloister_proxy_connections_total{tenant="hasty",outcome="caller_gone"} 1');
  expect(egress.lines.join('')).not.toContain('unexpected error');
});

test('a tenant whose tools have carried the bytes of an hour waits, and others do not', async () => {
  const other = `Bearer ${await egress.addTenant('foxtrot', { egress: { domains: ['api.example.com'], ports: [443] } })}`;
  let refused: Answer | undefined;
  for (let turn = 0; turn < 40 && !refused; turn++) {
    const answer = await ask('api.example.com:443', other);
    if (answer.status !== 200) refused = answer;
    else {
      const ended = readAll(answer.socket);
      answer.socket.end(Buffer.alloc(4_900));
      await ended;
    }
  }
  expect(refused?.text).toMatch(/^HTTP\/1\.1 429 [^]*retry-after: \d+\r\n[^]*too_many_bytes/);
  expect((await ask('api.example.com:443')).status).toBe(200);
});

const echo = async (socket: Socket, text: string): Promise<string> => {
  socket.write(text);
  return String((await once(socket, 'data'))[0]);
};

test.each([
  ['suspended', { state: 'Suspended' as const }],
  ['told another list', { egress: { domains: ['other.example'], ports: [443] } }],
  ['told other ports', { egress: { domains: ['api.example.com'], ports: [8443] } }],
  ['another of the same name', { uid: 'uid-of-another' }],
])('a connection that is open ends once its tenant is %s', async (_, change) => {
  const open = { egress: { domains: ['api.example.com'], ports: [443] } };
  const { socket, status } = await ask('api.example.com:443', `Bearer ${await egress.addTenant('delta', open)}`);
  expect([status, await echo(socket, 'a')]).toEqual([200, 'a']);
  const ended = readAll(socket);
  await egress.addTenant('delta', { ...open, ...change });
  await ended;
  await expect.poll(() => egress.lines.findLast((line) => line.includes('"tenant":"delta"'))).toContain('"end":"no longer allowed"');
});

async function recordsOf(tenant: string, expected: number): Promise<readonly ConnectionRecord[]> {
  return vi.waitFor(async () => {
    const lines: string[] = [];
    for await (const line of await exportOf(egress.sql, tenant)) lines.push(line);
    const verdict = await verify(inTurn(lines));
    expect(verdict).toMatchObject({ problems: [], records: expected });
    return lines.slice(1, -1).map((line) => z.object({ record: connectionRecord }).parse(JSON.parse(line)).record);
  }, 3_000);
}

test('what is carried and what is refused is in the tenant’s chain of the audit, with the agent whose pod it was, whatever the pod claims', async () => {
  const golf = await egress.addTenant('golf', { egress: { domains: ['api.example.com'], ports: [443] } });
  const unknown = await egress.tokenOf('golf', { pod: 'nobody-7d9c5f8b6-x2x4z' });
  const basic = (user: string, credential = golf) => `Basic ${Buffer.from(`${user}:${credential}`).toString('base64')}`;
  const { socket } = await ask('api.example.com:443', basic('research'));
  const whole = readAll(socket);
  socket.end('hello');
  await whole;
  await ask('evil.example:443', basic('support', unknown));
  await ask('10.0.0.1:443', basic('support'));
  dns.clear();
  await ask('api.example.com:443', basic('support'));
  const records = await recordsOf('golf', 4);
  const place = { host: 'api.example.com', port: 443 };
  expect(records).toMatchObject([
    { agent: 'support', ...place, outcome: 'carried', address: publicAddress, bytesUp: 5, bytesDown: 5, end: 'closed' },
    { agent: '', host: 'evil.example', port: 443, outcome: 'refused', code: 'domain_not_allowed' },
    { agent: 'support', outcome: 'refused', code: 'authority_invalid' },
    { agent: 'support', ...place, outcome: 'failed', code: 'host_unreachable' },
  ]);
  expect(JSON.stringify(records)).not.toContain(golf);
  expect(JSON.stringify(records)).not.toContain('10.0.0.1');
});

test('a gateway that stops lets connections go on for a while, then ends them and has them on record', { timeout: 60_000 }, async () => {
  const stopping = await proxyUnderTest();
  const { socket } = await stopping.ask('api.example.com:443');
  const ended = readAll(socket);
  socket.write('before');
  const stopped = stopping[Symbol.asyncDispose]();
  await ended;
  await stopped;
  const line = stopping.egress.lines.find((text) => text.includes('"msg":"connection"'));
  expect(JSON.parse(line ?? '{}')).toMatchObject({ outcome: 'carried', bytesUp: 6, bytesDown: 6, end: 'stopped' });
  expect(stopping.egress.lines.join('')).not.toMatch(/cannot be written|unexpected/);
});
