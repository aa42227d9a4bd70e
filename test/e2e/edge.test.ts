/**
 * What callers with a good credential can do to the way in, by curl, bytes on a socket and a load generator, through the Ingress. Its controller reads
 * requests first: what it refuses itself edge does not see, and what it lets through arrives as it was sent, since it changes no path.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tenantSecrets } from '@cloister/tenancy';
import { countsWithoutRedis, press } from './support/load-generator.ts';
import { agentName, createTenant, deleteTenant, secretValue, type LiveTenant } from './support/tenants.ts';
import { openWorld, type World } from './support/world.ts';

const name = 'way-in';
/** Of the chart. */
const maxBodyBytes = 4 * 1024 * 1024;
const perMinute = 100;

let world: World;
let tenant: LiveTenant;
let folder: string;
beforeAll(async () => {
  world = await openWorld();
  folder = await mkdtemp(join(tmpdir(), 'way-in-'));
  const apiKeys = [
    { name: 'default', scopes: ['chat', 'settings'] },
    { name: 'pressing', scopes: ['chat'], rateLimits: { requestsPerMinute: perMinute } },
  ];
  tenant = await createTenant(world, { name, spec: { access: { apiKeys } } });
});
afterAll(async () => {
  await deleteTenant(world, name);
  await rm(folder, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** As somebody types it. The host name leads to this machine, as a wildcard entry of DNS would have it. */
async function curl(path: string, ...args: readonly string[]): Promise<Answer> {
  const { port } = new URL(tenant.url);
  const always = ['-sS', '--path-as-is', '--max-time', '20', '--resolve', `${tenant.host}:${port}:127.0.0.1`, '-w', '\n%{http_code}'];
  const { stdout } = await promisify(execFile)('curl', [
    ...always,
    '-H',
    `authorization: Bearer ${tenant.key}`,
    ...args,
    `${tenant.url}${path}`,
  ]);
  const end = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(end + 1)), text: stdout.slice(0, end) };
}

/** What comes back for these requests until the connection is closed. */
async function answerTo(...requests: readonly (readonly string[])[]): Promise<string> {
  const { port, host } = new URL(tenant.url);
  const socket = connect(Number(port), '127.0.0.1');
  const common = [`Host: ${host}`, `Authorization: Bearer ${tenant.key}`, '', ''];
  for (const lines of requests) socket.write([...lines, ...common].join('\r\n'));
  let text = '';
  socket.setEncoding('utf8').setTimeout(10_000, () => socket.destroy(new Error(`still open after: ${text}`)));
  for await (const piece of socket) text += String(piece);
  return text;
}
const statusesIn = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
const codeIn = (text: string) => /"code":"(\w+)"/.exec(text)?.[1];

describe('a body over the limit', () => {
  test.each([
    ['whose length is declared', []],
    ['that comes in chunks', ['-H', 'transfer-encoding: chunked']],
  ])('%s is refused, by a whole answer that names the limit', async (_, more) => {
    const file = join(folder, 'large');
    await writeFile(file, 'x'.repeat(maxBodyBytes + 1));
    const { status, text } = await curl(
      '/v1/chat/completions',
      '--data-binary',
      `@${file}`,
      '-H',
      'content-type: application/json',
      ...more,
    );
    expect([status, JSON.parse(text)]).toMatchObject([
      413,
      { error: { code: 'request_too_large', message: expect.stringContaining(String(maxBodyBytes)) as string } },
    ]);
  });

  test('is one beyond it: a body of just that size is answered', async () => {
    const file = join(folder, 'just-right');
    await writeFile(file, JSON.stringify({ model: agentName, messages: [{ role: 'user', content: 'x' }] }).padEnd(maxBodyBytes));
    const { status, text } = await curl('/v1/chat/completions', '--data-binary', `@${file}`, '-H', 'content-type: application/json');
    expect(status, text).toBe(200);
  });
});

describe('a path', () => {
  test.each([
    ['that begins with two slashes', '//v1/models'],
    ['with two slashes within', '/v1//models'],
    ['with a slash at its end', '/v1/models/'],
    ['with a dot segment', '/v1/./models'],
    ['with two dots', '/agents/../v1/models'],
    ['with two dots, encoded', '/v1/%2e%2e/v1/models'],
    ['with an encoded slash', '/v1%2fmodels'],
    ['with an encoded letter', '/v1/%6dodels'],
    ['with an encoded line feed', '/v1/models%0a'],
    ['with a backslash', '/v1\\models'],
    ['in capitals', '/V1/models'],
    ['of another tenant', '/api/v1/tenants/acme/settings'],
    ['of another tenant, by its own', `/api/v1/tenants/${name}/..%2facme/settings`],
    ['of another tenant, encoded', '/api/v1/tenants/%61cme/settings'],
    ['of another tenant’s agent', `/agents/support.tenant-acme.svc%2f/v1/models`],
    ['with two agents', '/v1/models?agent=support&agent=sales'],
  ])('%s is answered like one that does not exist', async (_, path) => {
    expect(await curl(path)).toEqual(await curl('/nowhere'));
  });

  test.each([
    ['that leads out of the root', '/../../etc/passwd'],
    ['with an encoded null byte', '/v1/models%00'],
  ])('%s is refused by the Ingress itself', async (_, path) => {
    expect(await curl(path)).toMatchObject({ status: 400, text: expect.stringContaining('nginx') as string });
  });

  test('of the tenant is served beside all these', async () => {
    expect(await curl('/v1/models')).toMatchObject({ status: 200, text: expect.stringContaining(agentName) as string });
  });
});

const last = ['GET /v1/models HTTP/1.1', 'Connection: close'];

describe('headers', () => {
  test('beyond what edge reads are refused in its own words, and the next request is served', async () => {
    const headers = ['a', 'b', 'c'].map((letter) => `X-${letter}: ${letter.repeat(7_000)}`);
    const answer = await answerTo([...last, ...headers]);
    expect([statusesIn(answer), codeIn(answer)]).toEqual([[431], 'headers_too_large']);
    expect(statusesIn(await answerTo(last))).toEqual([200]);
  });

  test.each([
    ['one that never ends', [`X-Long: ${'x'.repeat(100_000)}`]],
    ['tens of thousands', Array.from({ length: 20_000 }, (_, index) => `X-${index}: 1`)],
  ])('beyond what the Ingress reads, it refuses itself: %s', async (_, headers) => {
    expect(statusesIn(await answerTo([...last, ...headers]))).toEqual([400]);
  });
});

test('a WebSocket is refused, with what to do instead, and its connection goes on as one for requests', async () => {
  const upgrade = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='];
  const answer = await answerTo(['GET /v1/realtime HTTP/1.1', ...upgrade], last);
  expect([statusesIn(answer), codeIn(answer)]).toEqual([[501, 200], 'upgrade_unsupported']);
  expect(answer).toContain('use server-sent events');
});

test('a load generator is given what its limit allows, to the request, and a whole refusal for each of the others', async () => {
  const before = await countsWithoutRedis(world);
  const key = await secretValue(world, tenant.namespace, tenantSecrets.apiKey('pressing'), 'key');
  const answers = await press(tenant, key, (so) => so[429] >= perMinute);
  if ((await countsWithoutRedis(world)) === before) expect(answers[200]).toBe(perMinute);
  else expect(answers[200]).toBeLessThanOrEqual(2 * perMinute);
});
