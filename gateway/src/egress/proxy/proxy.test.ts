/** Over real sockets: a pod, egress, and a server that stands for the internet. Names are resolved by a double, since DNS is what attackers own. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { portOf } from '../../server/serve.ts';
import { egressUnderTest, type EgressUnderTest } from '../egress.fixture.ts';
import { rangeOf } from './addresses.ts';
import type { ProxyLimits } from './proxy.ts';

const publicAddress = '93.184.216.34';
let egress: EgressUnderTest;
let internet: Server;
let token: string;
/** What each look-up of a name answers; the last answer stays. */
const dns = new Map<string, string[][]>();
const lookedUp: string[] = [];
const dialled: string[] = [];
const pods: Socket[] = [];
const limits: Partial<ProxyLimits> = { bytes: 10_000, connections: 2 };

beforeAll(async () => {
  internet = createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => undefined).pipe(socket)).listen(0, '127.0.0.1');
  await once(internet, 'listening');
  egress = await egressUnderTest({
    proxy: {
      limits,
      forbidden: [rangeOf('198.51.99.0/24')],
      resolve: (host) => {
        lookedUp.push(host);
        const answers = dns.get(host) ?? [];
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        return answer ? Promise.resolve(answer) : Promise.reject(new Error('ENOTFOUND'));
      },
      open: (address, port) => {
        dialled.push(`${address}:${port}`);
        return connect({ port: address === '1.1.1.1' ? 1 : portOf(internet), host: '127.0.0.1', allowHalfOpen: true });
      },
    },
  });
  token = await egress.addTenant('acme', { egress: { domains: ['api.example.com', '*.wild.example'], ports: [443] } });
}, 60_000);
beforeEach(() => {
  dns.clear();
  dns.set('api.example.com', [[publicAddress]]);
  lookedUp.length = dialled.length = 0;
});
afterEach(async () => {
  for (const pod of pods.splice(0)) pod.destroy();
  await expect.poll(() => egress.registry.metrics()).toMatch(/^cloister_proxy_open_connections 0$/m);
});
afterAll(async () => {
  await egress[Symbol.asyncDispose]();
  internet.close();
});

interface Answer {
  readonly socket: Socket;
  readonly status: number;
  readonly text: string;
}

const say = async (...lines: readonly string[]): Promise<Answer> => {
  const socket = connect({ port: Number(new URL(egress.url).port), host: '127.0.0.1', allowHalfOpen: true });
  pods.push(socket);
  socket.on('error', () => undefined).write(`${lines.join('\r\n')}\r\n\r\n`);
  let text = '';
  while (!text.includes('\r\n\r\n')) text += String((await once(socket, 'data'))[0]);
  return { socket, text, status: Number(text.split(' ')[1]) };
};
const ask = (authority: string, credential = `Bearer ${token}`) =>
  say(`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`, `Proxy-Authorization: ${credential}`);
const readAll = async (socket: Socket): Promise<string> => {
  let text = '';
  socket.on('data', (piece: Buffer) => (text += piece.toString()));
  socket.once('end', () => socket.end());
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
};

test('bytes go to an allowed domain and come back, and what was carried is in the log, by tenant', async () => {
  const { socket, status } = await ask('api.example.com:443');
  expect(status).toBe(200);
  const whole = readAll(socket);
  socket.end('hello');
  expect(await whole).toBe('hello');
  expect(dialled).toEqual([`${publicAddress}:443`]);
  await expect
    .poll(() => egress.lines.map((line) => JSON.parse(line) as unknown))
    .toContainEqual(
      expect.objectContaining({
        msg: 'connection',
        tenant: 'acme',
        host: 'api.example.com',
        port: 443,
        bytesUp: 5,
        bytesDown: 5,
        end: 'closed',
      }),
    );
  expect(egress.lines.join('')).not.toContain(token);
});

test('the token may be the password of whatever user, which is what most clients can send', async () => {
  expect((await ask('api.example.com:443', `Basic ${Buffer.from(`agent:${token}`).toString('base64')}`)).status).toBe(200);
});

test.each([
  ['without a credential', ''],
  ['with a bad token', 'Bearer nonsense'],
  ['with a bad password', `Basic ${Buffer.from('agent:nonsense').toString('base64')}`],
])('a caller %s is told nothing and nothing is resolved', async (_, credential) => {
  const { status, text } = await ask('api.example.com:443', credential);
  expect([status, lookedUp]).toEqual([407, []]);
  expect(text).toMatch(/proxy-authenticate: Basic/i);
});

test('a tenant that allows nothing reaches nothing', async () => {
  const other = await egress.addTenant('bravo');
  expect((await ask('api.example.com:443', `Bearer ${other}`)).text).toContain('domain_not_allowed');
  expect(lookedUp).toEqual([]);
});

test('a suspended tenant reaches nothing', async () => {
  const other = await egress.addTenant('charlie', { state: 'Suspended', egress: { domains: ['api.example.com'], ports: [443] } });
  expect((await ask('api.example.com:443', `Bearer ${other}`)).text).toContain('tenant_not_active');
});

test.each([
  ['another domain', 'evil.example:443', 'domain_not_allowed'],
  ['a domain below one that is allowed by name', 'x.api.example.com:443', 'domain_not_allowed'],
  ['the domain of a wildcard itself', 'wild.example:443', 'domain_not_allowed'],
  ['a domain that ends alike', 'notwild.example:443', 'domain_not_allowed'],
  ['another port', 'api.example.com:22', 'port_not_allowed'],
  ['an address', `${publicAddress}:443`, 'authority_invalid'],
  ['an address in one number', '2130706433:443', 'authority_invalid'],
  ['an address of IPv6', '[::1]:443', 'authority_invalid'],
  ['no port', 'api.example.com', 'authority_invalid'],
  ['a port beyond all', 'api.example.com:70000', 'authority_invalid'],
])('%s is refused before it is resolved', async (_, authority, code) => {
  expect((await ask(authority)).text).toContain(code);
  expect([lookedUp, dialled]).toEqual([[], []]);
});

test('case and a dot at the end change nothing of who is meant', async () => {
  expect((await ask('API.Example.com.:443')).status).toBe(200);
  expect(lookedUp).toEqual(['api.example.com']);
});

test.each([
  ['metadata', ['169.254.169.254']],
  ['loopback', ['127.0.0.1']],
  ['an IPv4-mapped private address', ['::ffff:10.0.0.1']],
  ['a range of the cluster', ['198.51.99.7']],
  ['a private address behind a public one', [publicAddress, '10.0.0.1']],
])('an allowed name that leads to %s is refused, and nobody is connected to', async (_, addresses) => {
  dns.set('a.wild.example', [addresses]);
  expect((await ask('a.wild.example:443')).text).toContain('address_not_public');
  expect(dialled).toEqual([]);
});

test('a name that changes after it was checked gains nothing: it is resolved once, and the address that was checked is dialled', async () => {
  dns.set('a.wild.example', [[publicAddress], ['127.0.0.1']]);
  expect((await ask('a.wild.example:443')).status).toBe(200);
  expect([lookedUp, dialled]).toEqual([['a.wild.example'], [`${publicAddress}:443`]]);
  expect((await ask('a.wild.example:443')).text).toContain('address_not_public');
  expect(dialled).toHaveLength(1);
});

test('where one address does not answer, the next of the same answer is tried', async () => {
  dns.set('a.wild.example', [['1.1.1.1', publicAddress]]);
  expect((await ask('a.wild.example:443')).status).toBe(200);
  expect(dialled).toEqual(['1.1.1.1:443', `${publicAddress}:443`]);
});

test('a name that does not exist cannot be reached', async () => {
  expect((await ask('b.wild.example:443')).text).toContain('host_unreachable');
});

test('a tenant has no more connections than it may, and one that ends makes room', async () => {
  const [first] = [await ask('api.example.com:443'), await ask('api.example.com:443')];
  const refused = await ask('api.example.com:443');
  expect([refused.status, refused.text.includes('too_many_connections')]).toEqual([429, true]);
  first.socket.destroy();
  await expect.poll(async () => (await ask('api.example.com:443')).status).toBe(200);
});

test('a connection ends with its last allowed byte, and the metrics tell whose it was and how it ended', async () => {
  const { socket } = await ask('api.example.com:443');
  const whole = readAll(socket);
  socket.write(Buffer.alloc(20_000));
  expect((await whole).length).toBeLessThanOrEqual(10_000);
  await expect
    .poll(() => egress.registry.metrics())
    .toContain('cloister_proxy_connections_total{tenant="acme",outcome="too many bytes"} 1');
});

test('plain HTTP through the proxy is answered with what to do', async () => {
  const { status, text } = await say(
    'GET http://api.example.com/v1/models HTTP/1.1',
    'Host: api.example.com',
    `Authorization: Bearer ${token}`,
  );
  expect([status, text.includes('proxy_connect_only')]).toEqual([405, true]);
});

test('bytes that come right behind the request are carried too', async () => {
  const authority = 'api.example.com:443';
  const { socket, text } = await say(
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
