/** Who may connect where, and to which address a name leads. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { egressUnderTest, type EgressUnderTest } from '../egress.fixture.ts';
import { askOf, deafAddress, proxyUnderTest, publicAddress, readAll, say, type ProxyUnderTest } from './proxy.fixture.ts';

let proxy: ProxyUnderTest;
let egress: EgressUnderTest;
let ask: ProxyUnderTest['ask'];
let token: string;
let dns: ProxyUnderTest['dns'];
let lookedUp: string[];
let dialled: string[];
beforeAll(async () => {
  proxy = await proxyUnderTest();
  ({ egress, token, ask, dns, lookedUp, dialled } = proxy);
}, 60_000);
afterEach(() => proxy.reset());
afterAll(() => proxy[Symbol.asyncDispose]());

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
  dns.set('a.wild.example', [[deafAddress, publicAddress]]);
  expect((await ask('a.wild.example:443')).status).toBe(200);
  expect(dialled).toEqual([`${deafAddress}:443`, `${publicAddress}:443`]);
});

test('a name that does not exist cannot be reached', async () => {
  expect((await ask('b.wild.example:443')).text).toContain('host_unreachable');
});

test(
  'a name whose servers never answer is given up once the time for connecting is over, and its place is free',
  { timeout: 60_000 },
  async () => {
    await using patient = await egressUnderTest({
      proxy: { limits: { connectMs: 200, connections: 1 }, forbidden: [], resolve: () => new Promise(() => undefined) },
    });
    const other = await patient.addTenant('india', { egress: { domains: ['silent.example'], ports: [443] } });
    for (let turn = 0; turn < 2; turn++) {
      const { status, text, socket } = await askOf(patient.url, 'silent.example:443', `Bearer ${other}`);
      expect([status, text.includes('host_unreachable')]).toEqual([502, true]);
      socket.destroy();
    }
  },
);

test('plain HTTP through the proxy is answered with what to do', async () => {
  const { status, text } = await say(
    egress.url,
    'GET http://api.example.com/v1/models HTTP/1.1',
    'Host: api.example.com',
    `Authorization: Bearer ${token}`,
  );
  expect([status, text.includes('proxy_connect_only')]).toEqual([405, true]);
});

test('as long as an address of the cluster could be reached, nothing is', { timeout: 60_000 }, async () => {
  const closed = await egressUnderTest({
    proxy: { cluster: ['10.0.0.7', '2600:1f14::7'], forbidden: [], resolve: () => Promise.reject(new Error('asked')) },
  });
  const other = await closed.addTenant('hotel', { egress: { domains: ['api.example.com'], ports: [443] } });
  const { text } = await askOf(closed.url, 'api.example.com:443', `Bearer ${other}`);
  expect(text).toMatch(/503 [^]*egress\.tools\.forbiddenCIDRs[^]*proxy_closed/);
  expect(closed.lines.join('')).toMatch(/"exposed":\["2600:1f14::7"\]/);
  await closed[Symbol.asyncDispose]();
});
