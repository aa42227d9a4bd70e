/**
 * What a caller with a good credential can do to edge, byte for byte over a socket, since HTTP clients tidy up what is tested here. Whatever it is: the
 * answer is well formed, nothing that stands behind it on the connection is taken for a request, and the agent hears nothing of it.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { agentDouble, type AgentDouble } from './agent.double.ts';
import { agentsAt, edgeUnderTest, type EdgeUnderTest } from './edge.fixture.ts';

const maxBodyBytes = 200_000;
let agent: AgentDouble;
let edge: EdgeUnderTest;
let key: string;
beforeAll(async () => {
  agent = await agentDouble((response) => response.writeHead(200, { 'content-length': 2 }).end('{}'));
  edge = await edgeUnderTest({ maxBodyBytes, headersTimeoutMs: 500, requestTimeoutMs: 1_000 });
  key = edge.addTenant('acme', agentsAt(agent.url, 'support'));
});
afterAll(async () => {
  await Promise.all([edge[Symbol.asyncDispose](), agent[Symbol.asyncDispose]()]);
});
beforeEach(() => void (agent.heard.length = 0));

interface Talk {
  readonly socket: Socket;
  /** All that came, once the connection is closed. Rejects where edge leaves it open. */
  readonly whole: Promise<string>;
}

async function talk(): Promise<Talk> {
  const socket = connect(edge.port, '127.0.0.1');
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (piece) => (text += piece.toString('latin1'))).on('error', () => undefined);
  const left = new Promise<string>((resolve) => socket.once('close', () => resolve(text)));
  const whole = Promise.race([
    left,
    sleep(5_000, undefined, { ref: false }).then(() => Promise.reject(new Error(`still open after: ${text}`))),
  ]);
  return { socket, whole };
}

/** What edge answers to these bytes until it closes the connection. */
async function answerTo(bytes: string): Promise<string> {
  const { socket, whole } = await talk();
  socket.write(Buffer.from(bytes, 'latin1'));
  return whole;
}
const statusesIn = (text: string): number[] => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
const lines = (...all: readonly string[]): string => `${all.join('\r\n')}\r\n`;
const credential = () => `Authorization: Bearer ${key}`;
const post = (...headers: readonly string[]) =>
  lines('POST /v1/chat/completions HTTP/1.1', 'Host: chat.example', credential(), ...headers, '');
const get = (target: string, ...headers: readonly string[]) =>
  lines(`GET ${target} HTTP/1.1`, 'Host: chat.example', credential(), 'Connection: close', ...headers, '');
const hidden = () => get('/v1/hidden');

describe('what two servers could read differently is refused, and what it hides is not served', () => {
  test.each<[string, () => string]>([
    ['a length beside chunks', () => `${post('Content-Length: 4', 'Transfer-Encoding: chunked')}0\r\n\r\n${hidden()}`],
    ['chunks beside a length', () => `${post('Transfer-Encoding: chunked', 'Content-Length: 500')}0\r\n\r\n${hidden()}`],
    ['two lengths', () => `${post('Content-Length: 0', 'Content-Length: 4')}${hidden()}`],
    ['the same length twice', () => `${post('Content-Length: 2', 'Content-Length: 2')}{}${hidden()}`],
    ['a list of lengths', () => `${post('Content-Length: 2, 2')}{}${hidden()}`],
    ['a length in hexadecimal', () => `${post('Content-Length: 0x2')}{}${hidden()}`],
    ['a length beyond all numbers', () => `${post('Content-Length: 18446744073709551618')}{}${hidden()}`],
    ['a negative length', () => `${post('Content-Length: -1')}${hidden()}`],
    ['chunks twice', () => `${post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked, identity')}0\r\n\r\n${hidden()}`],
    ['a coding after chunks', () => `${post('Transfer-Encoding: chunked, gzip')}0\r\n\r\n${hidden()}`],
    ['a coding that sounds like chunks', () => `${post('Transfer-Encoding: xchunked')}0\r\n\r\n${hidden()}`],
    ['a coding behind a control character', () => `${post('Transfer-Encoding: \x0bchunked')}0\r\n\r\n${hidden()}`],
    ['a size of a chunk that is no number', () => `${post('Transfer-Encoding: chunked')}zz\r\n{}\r\n0\r\n\r\n${hidden()}`],
    ['a size of a chunk beyond all numbers', () => `${post('Transfer-Encoding: chunked')}10000000000000002\r\n{}\r\n0\r\n\r\n${hidden()}`],
    ['a chunk that is longer than its size', () => `${post('Transfer-Encoding: chunked')}1\r\n{}\r\n0\r\n\r\n${hidden()}`],
    ['a chunk that ends with a line feed alone', () => `${post('Transfer-Encoding: chunked')}2\n{}\n0\n\n${hidden()}`],
    ['white space before the colon', () => `${post('Content-Length : 2')}{}${hidden()}`],
    ['a header folded over two lines', () => `${post('X-Own: a', ' Content-Length: 2')}{}${hidden()}`],
    ['a header without a colon', () => `${post('Content-Length')}${hidden()}`],
    ['lines that end with a line feed alone', () => post('Content-Length: 2').replaceAll('\r\n', '\n') + hidden()],
    ['a header line that ends with a line feed alone', () => `${post('X-Own: a\nContent-Length: 2')}{}${hidden()}`],
    ['a carriage return within a header', () => `${post('X-Own: a\rContent-Length: 2')}{}${hidden()}`],
    ['a null byte within a header', () => `${post('X-Own: a\0b')}${hidden()}`],
    ['a header name with a null byte', () => `${post('X\0Own: a')}${hidden()}`],
    ['another protocol', () => lines('GET /v1/models SPDY/3', 'Host: chat.example', credential(), '') + hidden()],
    ['HTTP/2 without being asked', () => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden()}`],
    ['a TLS handshake', () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'.padEnd(300, '\x55')],
  ])('%s', async (_, bytes) => {
    const answer = await answerTo(bytes());
    expect(statusesIn(answer)).toEqual([400]);
    expect(answer).toMatch(/^connection: close\r$/im);
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ error: { code: expect.any(String) as string } });
    expect(agent.heard.map(({ url }) => url)).not.toContain('/v1/hidden');
  });

  test('no host', async () => {
    const answer = await answerTo(lines('GET /v1/models HTTP/1.1', credential(), '') + hidden());
    expect([statusesIn(answer), answer.includes('malformed_request')]).toEqual([[400], true]);
    expect(agent.heard).toEqual([]);
  });

  test('an expectation that nobody knows', async () => {
    const answer = await answerTo(post('Content-Length: 2', 'Expect: miracles') + hidden());
    expect([statusesIn(answer), answer.includes('expectation_failed')]).toEqual([[417], true]);
    expect(agent.heard).toEqual([]);
  });

  test('a body that looks like a request is a body', async () => {
    const answer = await answerTo(post(`Content-Length: ${hidden().length}`, 'Connection: close') + hidden());
    expect(statusesIn(answer)).toEqual([200]);
    expect(agent.heard.map(({ url, body }) => [url, body])).toEqual([['/v1/chat/completions', hidden()]]);
  });

  test('requests sent without waiting are answered one by one, in order', async () => {
    const many = Array.from({ length: 50 }, (_, turn) => lines(`GET /v1/n${turn} HTTP/1.1`, 'Host: chat.example', credential(), '')).join(
      '',
    );
    expect(statusesIn(await answerTo(many + get('/v1/last')))).toEqual(Array.from({ length: 51 }, () => 200));
    expect(agent.heard.map(({ url }) => url).at(-1)).toBe('/v1/last');
  });
});

describe('headers', () => {
  const small = (count: number) => Array.from({ length: count }, (_, turn) => `a${turn.toString(36)}:`);

  test.each([
    ['one', [`X-Own: ${'x'.repeat(20_000)}`]],
    ['many', small(3_000)],
  ])('beyond 16 KiB are refused, and the answer says so: %s', async (_, headers) => {
    const answer = await answerTo(get('/v1/models', ...headers));
    expect([statusesIn(answer), answer.includes('"code":"headers_too_large"')]).toEqual([[431], true]);
  });

  test('that never end are cut off, however fast they come', async () => {
    const { socket, whole } = await talk();
    socket.write('GET /v1/models HTTP/1.1\r\nHost: chat.example\r\n');
    const flood = setInterval(() => socket.writable && socket.write(`${small(200).join('\r\n')}\r\n`), 1);
    expect(statusesIn(await whole)).toEqual([431]);
    clearInterval(flood);
  });

  test.each([
    ['are all looked at, also behind hundreds: a second credential is not overlooked', 900, 401],
    ['are refused rather than cut off after the two thousandth, as Node would', 2_100, 431],
  ])('%s', async (_, count, status) => {
    expect(statusesIn(await answerTo(get('/v1/models', ...Array.from({ length: count }, () => 'a:'), 'x-api-key: other')))).toEqual([
      status,
    ]);
  });
});

describe('a body', () => {
  test('over the limit is refused before it has come', async () => {
    const answer = await answerTo(post(`Content-Length: ${maxBodyBytes + 1}`));
    expect(statusesIn(answer)).toEqual([413]);
    expect(agent.heard).toEqual([]);
  });

  test.each([
    ['with its length', 'Content-Length: 4000000', 'x'.repeat(4_000_000)],
    ['in chunks', 'Transfer-Encoding: chunked', `3d0900\r\n${'x'.repeat(4_000_000)}\r\n0\r\n\r\n`],
  ])('over the limit is answered to who sends all of it before reading, %s', async (_, framing, sent) => {
    const { socket, whole } = await talk();
    socket.pause();
    await new Promise<void>((resolve, reject) => {
      socket.write(`${post(framing)}${sent}`, (error) => (error ? reject(error) : resolve()));
    });
    socket.resume();
    expect(statusesIn(await whole)).toEqual([413]);
  });

  test('over the limit is answered as far as log and metrics go, once the answer has gone out, though its caller leaves then', async () => {
    edge.lines.length = 0;
    const { socket } = await talk();
    socket.write(post(`Content-Length: ${maxBodyBytes + 1}`));
    await once(socket, 'data');
    await expect.poll(() => edge.lines.filter((line) => line.includes('"status":413'))).toHaveLength(1);
    socket.destroy();
    await sleep(50);
    expect(edge.lines.filter((line) => line.includes('"msg":"request"'))).toEqual([expect.stringMatching(/"status":413.*"aborted":false/)]);
  });

  test('without end is refused at the limit, and its connection closed', async () => {
    const { socket, whole } = await talk();
    socket.write(post('Transfer-Encoding: chunked'));
    const flood = setInterval(() => socket.writable && socket.write(`2000\r\n${'x'.repeat(0x2000)}\r\n`), 1);
    const answer = await whole;
    clearInterval(flood);
    expect(statusesIn(answer)).toEqual([413]);
    expect(answer).toContain('request_too_large');
  });

  test.each([
    ['small', 100],
    ['large', 150_000],
    ['of unknown length', undefined],
  ])('that comes too slowly is cut off: %s', async (_, length) => {
    const { socket, whole } = await talk();
    socket.write(post(length === undefined ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`));
    const drip = setInterval(() => socket.writable && socket.write(length === undefined ? '1\r\nx\r\n' : 'x'), 50);
    const answer = await whole;
    clearInterval(drip);
    expect([statusesIn(answer), answer.includes('"code":"request_timeout"')]).toEqual([[408], true]);
  });

  test('that breaks off reaches no agent as if it were whole', async () => {
    const { socket } = await talk();
    socket.write(`${post('Content-Length: 100')}half`);
    await sleep(50);
    socket.destroy();
    expect(statusesIn(await answerTo(get('/v1/after')))).toEqual([200]);
    expect(agent.heard.map(({ url }) => url)).toContain('/v1/after');
    expect(agent.heard.map(({ body }) => body)).not.toContain('half');
  });
});

describe('a path', () => {
  test.each([
    ['in capitals', '/V1/models'],
    ['with a dot segment', '/v1/./models'],
    ['with an encoded letter', '/v1/%6dodels'],
    ['with an encoded null byte', '/v1/models%00'],
    ['with a fragment', '/v1/models#agent'],
    ['with a backslash', '/v1\\models'],
    ['with a doubled slash', '/v1//models'],
    ['with two agents in its query', '/v1/models?agent=support&agent=sales'],
    ['with an agent in path and query', '/agents/support/v1/models?agent=other'],
    ['with a user before its host', 'http://acme@chat.example/v1/models'],
    ['of another scheme', 'file:///v1/models'],
  ])('%s is a path that does not exist', async (_, target) => {
    const [given, nothing] = await Promise.all([answerTo(get(target)), answerTo(get('/nowhere'))]);
    const withoutIds = (text: string) => text.replace(/^(date|x-request-id): .*$/gim, '');
    expect(statusesIn(given)).toEqual([404]);
    expect(withoutIds(given)).toBe(withoutIds(nothing));
    expect(agent.heard).toEqual([]);
  });

  test.each([
    ['a letter beyond ASCII', '/v1/m\xf6dels'],
    ['a space', '/v1/models /x'],
    ['a control character', '/v1/models\x01'],
  ])('with %s is no HTTP', async (_, target) => {
    expect(statusesIn(await answerTo(get(target)))[0]).toBeGreaterThanOrEqual(400);
    expect(agent.heard).toEqual([]);
  });
});

describe('a connection', () => {
  test('cannot be turned into a WebSocket, and the answer says what to do instead', async () => {
    const upgrade = [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ];
    const answer = await answerTo(lines('GET /v1/realtime HTTP/1.1', 'Host: chat.example', credential(), ...upgrade, '') + hidden());
    expect(statusesIn(answer)).toEqual([501]);
    expect(answer).toContain('use server-sent events');
    expect(agent.heard).toEqual([]);
  });

  test('of a client that would rather speak HTTP/2 is served as it is', async () => {
    const upgrade = ['Connection: Upgrade, HTTP2-Settings, close', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'];
    expect(statusesIn(await answerTo(lines('GET /v1/some HTTP/1.1', 'Host: chat.example', credential(), ...upgrade, '')))).toEqual([200]);
    expect(agent.heard[0]?.headers).not.toHaveProperty('http2-settings');
    expect(agent.heard[0]?.headers).not.toHaveProperty('upgrade');
  });

  test('is no tunnel', async () => {
    const answer = await answerTo(
      lines('CONNECT internal.example:443 HTTP/1.1', 'Host: internal.example:443', credential(), '') + hidden(),
    );
    expect(statusesIn(answer)).not.toContain(200);
    expect(agent.heard).toEqual([]);
  });

  test('that was refused harms no other', async () => {
    await answerTo('nonsense\r\n\r\n');
    expect(statusesIn(await answerTo(get('/v1/fine')))).toEqual([200]);
  });
});
