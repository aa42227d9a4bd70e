import { createLogger } from '@cloister/telemetry';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { serve, type Running } from './serve.ts';
import { pump, unreading } from './untaken.fixture.ts';

const ask = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const limit = 400;
const piece = 64 * 1024;
const large = Buffer.alloc(16 * 1024 * 1024);
const log = createLogger({ name: 'test', destination: { write: () => undefined } });
let server: Running | undefined;
afterEach(() => server?.drain());
const start = async (handler: RequestListener, untakenTimeoutMs = limit): Promise<Running> =>
  (server = await serve({ port: 0, handler, ready: () => true, drainSeconds: 0, log, untakenTimeoutMs }));

test('who stops reading an answer that is complete is let go, and no drain waits for it any longer', async () => {
  const asked = Promise.withResolvers<undefined>();
  const { port, drain } = await start((_, response) => {
    response.end(large);
    asked.resolve(undefined);
  });
  const socket = await unreading(port, ask);
  await asked.promise;
  await drain();
  await once(socket.resume(), 'close');
  expect(socket.bytesRead).toBeLessThan(large.length);
});

/** Some megabytes a second, which comes in steps: a kernel that has much to send takes more only once a third of it is gone. */
function takeSlowly(socket: Socket): Promise<unknown> {
  const taking = setInterval(() => void socket.read(), 10);
  return once(socket, 'close').finally(() => clearInterval(taking));
}

function* pieces(): Generator<Buffer> {
  for (let from = 0; from < large.length; from += piece) yield large.subarray(from, from + piece);
}

test('who takes a long answer slowly, but takes it, gets all of it', async () => {
  const patient = 1_500;
  const { port } = await start((_, response) => void pipeline(Readable.from(pieces()), response), patient);
  const socket = await unreading(port, ask.replace('Host', 'Connection: close\r\nHost'));
  const started = performance.now();
  await takeSlowly(socket);
  expect(performance.now() - started).toBeGreaterThan(patient);
  expect(socket.bytesRead).toBeGreaterThan(large.length);
});

test('a drain cuts off nobody who is still taking an answer that is complete', async () => {
  const asked = Promise.withResolvers<undefined>();
  const { port, drain } = await start((_, response) => {
    response.end(large);
    asked.resolve(undefined);
  }, 60_000);
  const socket = await unreading(port, ask);
  await asked.promise;
  const drained = drain();
  await sleep(200);
  await once(socket.resume(), 'close');
  expect(socket.bytesRead).toBeGreaterThan(large.length);
  await drained;
});

test('an answer may be silent for as long as it likes', async () => {
  const { port } = await start((_, response) => {
    response.write('one');
    setTimeout(() => response.end('two'), limit * 3);
  });
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('onetwo');
});

test('an answer that waits behind another on its connection is not taken for one that nobody takes', async () => {
  let turn = 0;
  const { port } = await start((_, response) => {
    if (turn++ === 0) setTimeout(() => response.end('first'), limit * 3);
    else void pump(response, 'x'.repeat(64 * 1024));
  });
  const socket = await unreading(port, ask + ask);
  await sleep(limit * 2);
  expect(String((await once(socket.resume(), 'data'))[0])).toContain('first');
  socket.destroy();
});
