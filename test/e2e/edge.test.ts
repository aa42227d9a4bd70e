/**
 * What callers with a good credential can do to the way in, by curl, bytes on a socket and a load generator, through the Ingress. Its controller reads
 * requests first: what it refuses itself edge does not see, and what it lets through arrives as it was sent, since it changes no path.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
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
/** It takes a minute until edge has had enough: begun first, looked at last. */
let slow: Promise<string>;
beforeAll(async () => {
  world = await openWorld();
  folder = await mkdtemp(join(tmpdir(), 'way-in-'));
  const apiKeys = [
    { name: 'default', scopes: ['chat', 'settings'] },
    { name: 'pressing', scopes: ['chat'], rateLimits: { requestsPerMinute: perMinute } },
  ];
  tenant = await createTenant(world, { name, spec: { access: { apiKeys } } });
  slow = answerTo(headOf(...unfinished), drip);
  slow.catch(() => undefined); // whoever looks at it hears of it
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

/** The head of a request, with host and credential. */
const headOf = (...lines: readonly string[]): string =>
  [...lines, `Host: ${new URL(tenant.url).host}`, `Authorization: Bearer ${tenant.key}`, '', ''].join('\r\n');

/** What comes back for these bytes, and for what `then` sends, until the connection is closed. */
async function answerTo(bytes: string, then: (socket: Socket) => void = () => undefined): Promise<string> {
  const socket = connect(Number(new URL(tenant.url).port), '127.0.0.1');
  socket.write(bytes);
  then(socket);
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

describe('a body that is no request', () => {
  const json = ['-H', 'content-type: application/json'];
  const hello = JSON.stringify({ model: agentName, messages: [{ role: 'user', content: 'say 2 words' }] });
  const of = (body: object) => JSON.stringify({ model: agentName, ...body });

  test.each<[string, string | Buffer, readonly string[], number, string, string | null]>([
    ['that is empty', '', json, 400, 'invalid_request', 'messages'],
    ['of half a JSON', hello.slice(0, -9), json, 400, 'invalid_json', null],
    ['of a JSON with more behind it', `${hello}}`, json, 400, 'invalid_json', null],
    ['that is a list', '[]', json, 400, 'invalid_request', null],
    ['that is a number', '7', json, 400, 'invalid_request', null],
    ['that is nothing', 'null', json, 400, 'invalid_request', null],
    ['without messages', of({}), json, 400, 'invalid_request', 'messages'],
    ['with messages that are a number', of({ messages: 7 }), json, 400, 'invalid_request', 'messages'],
    ['with a message that is none', of({ messages: ['hello'] }), json, 400, 'invalid_request', 'messages.0'],
    ['with a role that is a number', of({ messages: [{ role: 7, content: 'x' }] }), json, 400, 'invalid_request', 'messages.0.role'],
    ['with a maximum that is text', hello.replace('{', '{"max_tokens":"many",'), json, 400, 'invalid_request', 'max_tokens'],
    ['with a stream that is text', hello.replace('{', '{"stream":"yes",'), json, 400, 'invalid_request', 'stream'],
    [
      'nested without measure',
      hello.replace('"say 2 words"', '['.repeat(2e5) + ']'.repeat(2e5)),
      json,
      413,
      'message_too_large',
      'messages.0.content',
    ],
    ['that calls itself text', hello, ['-H', 'content-type: text/plain'], 400, 'invalid_request', null],
    ['of a form', 'messages=hello', [], 400, 'invalid_request', null],
    ['in a charset that nobody knows', hello, ['-H', 'content-type: application/json; charset=klingon'], 415, 'invalid_request', null],
    ['in an encoding that nobody knows', hello, [...json, '-H', 'content-encoding: zebra'], 415, 'invalid_request', null],
    ['that is not compressed as it says', hello, [...json, '-H', 'content-encoding: gzip'], 400, 'invalid_request', null],
    [
      'compressed, and far too large',
      gzipSync(Buffer.alloc(50_000_000, ' ')),
      [...json, '-H', 'content-encoding: gzip'],
      413,
      'request_too_large',
      null,
    ],
  ])('%s is refused, and the field named where there is one', async (_, body, headers, status, code, param) => {
    const answer = await curlWith(body, ...headers);
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([status, { error: { code, param, type: 'invalid_request_error' } }]);
  });

  test.each<[string, string | Buffer, readonly string[]]>([
    ['compressed', gzipSync(hello), [...json, '-H', 'content-encoding: gzip']],
    ['in chunks', hello, [...json, '-H', 'transfer-encoding: chunked']],
    ['in UTF-16', Buffer.from(`\ufeff${hello}`, 'utf16le'), ['-H', 'content-type: application/json; charset=utf-16']],
    ['with a mark of its byte order', `\ufeff${hello}`, json],
    [
      'with letters that are none',
      Buffer.concat([Buffer.from(hello.slice(0, -4)), Buffer.of(0xff, 0xfe), Buffer.from(hello.slice(-4))]),
      json,
    ],
    ['with a null character', hello.replace('2 words', '2 words\\u0000'), json],
  ])('is none that comes %s: it is answered', async (_, body, headers) => {
    const answer = await curlWith(body, ...headers);
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('word1 word2')]);
  });

  async function curlWith(body: string | Buffer, ...headers: readonly string[]): Promise<Answer> {
    const file = join(folder, 'body');
    await writeFile(file, body);
    return curl('/v1/chat/completions', '--data-binary', `@${file}`, ...headers);
  }
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
const unfinished = ['POST /v1/chat/completions HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 1000'];

function drip(socket: Socket): void {
  const dripping = setInterval(() => socket.write(' '), 1_000);
  socket.once('close', () => clearInterval(dripping));
}

describe('headers', () => {
  test('beyond what edge reads are refused in its own words, and the next request is served', async () => {
    const headers = ['a', 'b', 'c'].map((letter) => `X-${letter}: ${letter.repeat(7_000)}`);
    const answer = await answerTo(headOf(...last, ...headers));
    expect([statusesIn(answer), codeIn(answer)]).toEqual([[431], 'headers_too_large']);
    expect(statusesIn(await answerTo(headOf(...last)))).toEqual([200]);
  });

  test.each([
    ['one that never ends', [`X-Long: ${'x'.repeat(100_000)}`]],
    ['tens of thousands', Array.from({ length: 20_000 }, (_, index) => `X-${index}: 1`)],
  ])('beyond what the Ingress reads, it refuses itself: %s', async (_, headers) => {
    expect(statusesIn(await answerTo(headOf(...last, ...headers)))).toEqual([400]);
  });
});

describe('what two servers could read differently', () => {
  const post = 'POST /v1/chat/completions HTTP/1.1';
  test.each([
    ['a length beside chunks', ['Content-Length: 4', 'Transfer-Encoding: chunked'], '0\r\n\r\n'],
    ['two lengths', ['Content-Length: 0', 'Content-Length: 4'], ''],
    ['a length in hexadecimal', ['Content-Length: 0x2'], '{}'],
    ['a coding that sounds like chunks', ['Transfer-Encoding: xchunked'], '0\r\n\r\n'],
    ['a header folded over two lines', ['X-Own: a', ' Content-Length: 2'], '{}'],
    ['a size of a chunk that is no number', ['Transfer-Encoding: chunked'], 'zz\r\n{}\r\n0\r\n\r\n'],
    ['a chunk that is longer than its size', ['Transfer-Encoding: chunked'], '1\r\n{}\r\n0\r\n\r\n'],
  ])('is refused by the Ingress itself, and what it hides is not served: %s', async (_, headers, body) => {
    const answer = await answerTo(headOf(post, ...headers) + body + headOf(...last));
    expect(statusesIn(answer)).toEqual([expect.toBeOneOf([400, 501])]);
    expect(answer).toContain('nginx');
  });
});

test('a body that breaks off is no request, and the next one is answered', async () => {
  const answer = await answerTo(headOf(...unfinished), (socket) => socket.end('{"messages":['));
  expect(statusesIn(answer).filter((status) => status < 400)).toEqual([]);
  expect(statusesIn(await answerTo(headOf(...last)))).toEqual([200]);
});

test('a WebSocket is refused, with what to do instead, and its connection goes on as one for requests', async () => {
  const upgrade = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='];
  const answer = await answerTo(headOf('GET /v1/realtime HTTP/1.1', ...upgrade) + headOf(...last));
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

test('a body that comes too slowly is cut off, by a whole answer that says why', async () => {
  const answer = await slow;
  expect([statusesIn(answer), codeIn(answer)]).toEqual([[408], 'request_timeout']);
});
