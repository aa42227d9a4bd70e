/** What is no HTTP or wants to be something else, behind requests that are: its refusal never stands where the answer to one of them is awaited, nor in the middle of one. */
import { createLogger } from '@cloister/telemetry';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { serve } from './serve.ts';

const log = createLogger({ name: 'test', destination: { write: () => undefined } });
const request = (path: string, ...headers: readonly string[]) => [`GET ${path} HTTP/1.1`, 'Host: a', ...headers, '', ''].join('\r\n');
const garbage = 'no HTTP\r\n\r\n';
const tooMuch = request('/', `X-Own: ${'x'.repeat(20_000)}`);
const webSocket = request('/', 'Connection: Upgrade', 'Upgrade: websocket');
const brokenBody = `${request('/broken', 'Transfer-Encoding: chunked')}zz\r\n`;

/** All that comes back, to what is sent at once and then to what is sent after the first bytes of an answer. */
async function answerTo(handler: RequestListener, atOnce: string, later?: string): Promise<string> {
  const { port, drain } = await serve({ port: 0, handler, ready: () => true, drainSeconds: 0, log });
  onTestFinished(drain);
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  let text = '';
  socket.on('data', (piece) => (text += String(piece)));
  socket.write(atOnce);
  if (later !== undefined) void once(socket, 'data').then(() => socket.write(later));
  await once(socket, 'close');
  return text;
}
const statusesIn = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

const never: RequestListener = () => undefined;
const begins: RequestListener = (_, response) => void response.write('begun');
const answers: RequestListener = (_, response) => void response.end('fine');

test.each<[string, string]>([
  ['garbage', garbage],
  ['headers that are too large', tooMuch],
  ['the wish for a WebSocket', webSocket],
])('%s cuts off an answer that has begun, and says nothing into it', async (_, bytes) => {
  const text = await answerTo(begins, request('/'), bytes);
  expect([statusesIn(text), text.endsWith('begun\r\n')]).toEqual([[200], true]);
});

test.each<[string, string]>([
  ['garbage', garbage],
  ['headers that are too large', tooMuch],
  ['the wish for a WebSocket', webSocket],
  ['the broken body of another', brokenBody],
])('%s behind a request that nobody has answered yet is no answer to that', async (_, bytes) => {
  expect(await answerTo(never, request('/') + bytes)).toBe('');
});

test.each<[string, string, number]>([
  ['garbage', garbage, 400],
  ['headers that are too large', tooMuch, 431],
  ['the wish for a WebSocket', webSocket, 501],
  ['a broken body', brokenBody, 400],
])('%s behind an answer that is complete is refused in words', async (_, bytes, status) => {
  const handler: RequestListener = (asked, response) => (asked.url === '/broken' ? never : answers)(asked, response);
  expect(statusesIn(await answerTo(handler, request('/'), bytes))).toEqual([200, status]);
});

test('the broken rest of a request that was refused for what it expects gets no second answer', async () => {
  const text = await answerTo(never, `${request('/', 'Transfer-Encoding: chunked', 'Expect: miracles')}zz\r\n`);
  expect(statusesIn(text)).toEqual([417]);
});
