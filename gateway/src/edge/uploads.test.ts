/** When an agent hears of a request: as its body comes, or once all of it is there. */
import { once } from 'node:events';
import { createServer, request, type ClientRequest } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { portOf } from '../server/serve.ts';
import { agentsAt, edgeUnderTest, type EdgeUnderTest } from './edge.fixture.ts';

const size = 200_000;
/** Bytes that the agent has heard of the request that is under way. */
let heard: number | undefined;
const agent = createServer((coming, response) => {
  heard = 0;
  coming.on('data', (piece: Buffer) => (heard = (heard ?? 0) + piece.length));
  coming.on('end', () => response.end());
});
let edge: EdgeUnderTest;
const keys = { one: '', two: '' };
beforeAll(async () => {
  await once(agent.listen(0, '127.0.0.1'), 'listening');
  edge = await edgeUnderTest({ maxBodyBytes: 32 * 1024 * 1024 });
  const url = `http://127.0.0.1:${portOf(agent)}`;
  keys.one = edge.addTenant('one', agentsAt(url, 'support'));
  keys.two = edge.addTenant('two', agentsAt(url, 'support', 'sales'));
});
afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  agent.close();
});

interface Upload {
  readonly path: string;
  readonly of: keyof typeof keys;
  readonly length: number;
  readonly chunked: boolean;
}

/** Sends all but the last byte. */
function begin({ path, of, length, chunked }: Upload): ClientRequest {
  heard = undefined;
  const headers = { authorization: `Bearer ${keys[of]}`, ...(chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': length }) };
  const upload = request(`${edge.url}${path}`, { method: 'POST', headers });
  upload.write('x'.repeat(length - 1));
  return upload;
}

async function finish(upload: ClientRequest, length: number): Promise<void> {
  const answered = once(upload, 'response');
  upload.end('x');
  await answered;
  expect(heard).toBe(length);
}

test.each<[string, Upload]>([
  ['larger than 64 KiB', { path: '/v1/files', of: 'two', length: size, chunked: false }],
  ['of a length that nobody has said', { path: '/v1/files', of: 'two', length: 10, chunked: true }],
  ['for the one agent that there is', { path: '/v1/chat/completions', of: 'one', length: size, chunked: false }],
  ['for an agent that the path names', { path: '/agents/sales/v1/chat/completions', of: 'two', length: size, chunked: false }],
])('a body %s reaches its agent as it comes, before its last byte is sent', async (_, how) => {
  const upload = begin(how);
  await expect.poll(() => heard).toBe(how.length - 1);
  await finish(upload, how.length);
});

test.each<[string, Upload]>([
  ['of 64 KiB at most', { path: '/v1/files', of: 'one', length: 64 * 1024, chunked: false }],
  ['that may name one of several agents', { path: '/v1/chat/completions', of: 'two', length: size, chunked: true }],
])('a body %s is there as a whole before its agent hears of it', async (_, how) => {
  const upload = begin(how);
  await sleep(200);
  expect(heard).toBeUndefined();
  await finish(upload, how.length);
});

test('an answer that an agent gives without waiting for the request reaches who sends all of it before reading, and the connection stays', async () => {
  const answer = 'y'.repeat(4_000_000);
  const hasty = createServer((coming, response) => {
    if (coming.method === 'GET') response.end('next');
    else response.writeHead(400).end(answer);
  });
  await once(hasty.listen(0, '127.0.0.1'), 'listening');
  const key = edge.addTenant('hasty', agentsAt(`http://127.0.0.1:${portOf(hasty)}`, 'support'));
  const socket = connect(edge.port, '127.0.0.1').pause();
  const head = `Host: edge\r\nAuthorization: Bearer ${key}\r\n`;
  const sent = 20_000_000;
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.write(`POST /v1/files HTTP/1.1\r\n${head}Content-Length: ${sent}\r\n\r\n${'x'.repeat(sent)}`, () => resolve());
  });
  socket.write(`GET /v1/files HTTP/1.1\r\n${head}Connection: close\r\n\r\n`);
  let text = '';
  for await (const piece of socket.setEncoding('utf8')) text += String(piece);
  expect(text).toMatch(/^HTTP\/1.1 400 [^]*y{1000}[^]*HTTP\/1.1 200 [^]*next/);
  hasty.close();
});
