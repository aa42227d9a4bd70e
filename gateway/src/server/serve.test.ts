/** Connections that want to be something else than HTTP: who asks for that harms nobody, whatever else it does. */
import { createLogger } from '@cloister/telemetry';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { serve, type Running } from './serve.ts';

const upgrade = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
const errors: unknown[] = [];
const note = (error: unknown) => void errors.push(error);
let server: Running;
beforeEach(async () => {
  errors.length = 0;
  process.on('uncaughtExceptionMonitor', note);
  const log = createLogger({ name: 'test', destination: { write: () => undefined } });
  server = await serve({ port: 0, handler: (_, response) => response.end('fine'), ready: () => true, drainSeconds: 0, log });
});
afterEach(() => void process.off('uncaughtExceptionMonitor', note));

async function open(): Promise<Socket> {
  const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

test('a client that asks for an upgrade and is reset, before or after its answer, leaves the process as it is', async () => {
  for (const wait of [0, 1, 2, 5]) {
    const socket = await open();
    socket.write(`${upgrade}\r\n`);
    await sleep(wait);
    socket.resetAndDestroy();
  }
  const late = await open();
  late.write(`${upgrade}\r\n`);
  await once(late, 'data');
  late.resetAndDestroy();
  await sleep(100);
  expect(errors).toEqual([]);
  expect(await (await fetch(`http://127.0.0.1:${server.port}/`)).text()).toBe('fine');
  await server.drain();
});

test('a client that holds a refused connection open, or goes on sending, is let go, and no drain waits for it', async () => {
  const held = await Promise.all([open(), open(), open()]);
  const answers = held.map((socket) => once(socket, 'data'));
  for (const [index, socket] of held.entries()) socket.write(`${upgrade}${index === 1 ? 'Content-Length: 5\r\n' : ''}\r\n`);
  for (const answer of await Promise.all(answers)) expect(String(answer)).toMatch(/^HTTP\/1.1 501 /);
  const closed = Promise.all(held.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
  const sending = [setInterval(() => held[2].write('more'), 50)];
  await server.drain();
  // Who holds its half open learns no sooner than by writing that the other is gone.
  sending.push(setInterval(() => held.forEach((socket) => socket.write('more')), 50));
  await closed.finally(() => sending.forEach(clearInterval));
  expect(errors).toEqual([]);
});
