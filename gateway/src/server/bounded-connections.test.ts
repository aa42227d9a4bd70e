/** More connections than a server is to have, over raw sockets. */
import { createLogger } from '@cloister/telemetry';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { BoundedConnections, type Bound, type ConnectionBounds } from './bounded-connections.ts';
import { serve, type Running } from './serve.ts';

const log = createLogger({ name: 'test', destination: { write: () => undefined } });
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const ask = get('/');
const sockets: Socket[] = [];
/** Of answers that have begun. */
const ends: (() => void)[] = [];
let server: Running | undefined;
let now = 0;
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  ends.length = 0;
  await server?.drain();
});

interface Bounded {
  readonly connections: BoundedConnections;
  readonly refused: Bound[];
}

async function start(bounds: ConnectionBounds, headersTimeoutMs = 10_000): Promise<Bounded> {
  const connections = new BoundedConnections(bounds, () => now);
  const refused: Bound[] = [];
  const guard = (guarded: Parameters<typeof connections.guard>[0]) => connections.guard(guarded, (bound) => refused.push(bound));
  server = await serve({
    port: 0,
    handler: ({ url }, response) => {
      if (url === '/long') ends.push(() => response.end('at last'));
      if (url === '/long') response.write('for now');
      else response.end(url === '/large' ? Buffer.alloc(50_000_000) : 'fine');
    },
    ready: () => true,
    drainSeconds: 0,
    log,
    guard,
    headersTimeoutMs,
  });
  return { connections, refused };
}

async function open(localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port: server?.port ?? 0, host: '127.0.0.1', localAddress }).on('error', () => undefined);
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

/** One whose answer has begun. */
async function openLong(): Promise<Socket> {
  const socket = await open();
  socket.write(get('/long'));
  expect(await heard(socket)).toContain('for now');
  return socket;
}

/** The next that comes. */
const heard = async (socket: Socket): Promise<string> => String((await once(socket, 'data'))[0]);
async function answerOn(socket: Socket): Promise<string> {
  socket.write(ask);
  return (await heard(socket)).slice(0, 15);
}
const closed = (socket: Socket): Promise<unknown> => (socket.closed ? Promise.resolve() : once(socket.resume(), 'close'));

test('who comes when all places are taken hears so before it has asked, and answers that have begun go on', async () => {
  const { connections, refused } = await start({ total: 2, perAddress: 2 });
  const inside = [await openLong(), await openLong()];
  const late = await open();
  const words = await heard(late);
  expect(words).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n.*\r\nretry-after: 1\r\n/s);
  expect(JSON.parse(words.split('\r\n\r\n')[1] ?? '')).toMatchObject({ error: { code: 'too_many_connections', type: 'server_error' } });
  await closed(late);
  const last = Promise.all(inside.map(heard));
  for (const end of ends.splice(0)) end();
  expect(await last).toEqual(inside.map(() => expect.stringContaining('at last') as string));
  expect([connections.open, refused]).toEqual([2, ['total']]);
});

test('a place that is left is the next one’s', async () => {
  const { connections } = await start({ total: 1, perAddress: 1 });
  const first = await open();
  expect(await answerOn(first)).toBe('HTTP/1.1 200 OK');
  first.destroy();
  await expect.poll(() => connections.open).toBe(0);
  expect(await answerOn(await open())).toBe('HTTP/1.1 200 OK');
});

test('one address takes no more than its places, and others have theirs', async () => {
  const { refused } = await start({ total: 10, perAddress: 2 });
  const greedy = [await open('127.0.0.2'), await open('127.0.0.2')];
  for (const socket of greedy) expect(await answerOn(socket)).toBe('HTTP/1.1 200 OK');
  expect(await heard(await open('127.0.0.2'))).toMatch(/^HTTP\/1\.1 503/);
  expect(await answerOn(await open('127.0.0.3'))).toBe('HTTP/1.1 200 OK');
  expect(refused).toEqual(['perAddress']);
});

test('a flood beyond the bound, which reads nothing and goes on sending, is gone in moments; who was in is served meanwhile', async () => {
  const { connections, refused } = await start({ total: 3, perAddress: 3 });
  const inside = await openLong();
  const silent = [await open(), await open()];
  const flood = await Promise.all(Array.from({ length: 300 }, () => open()));
  for (const socket of flood) socket.pause().write(ask.repeat(20));
  const last = heard(inside);
  for (const end of ends.splice(0)) end();
  expect(await last).toContain('at last');
  await Promise.all(flood.map(closed));
  expect([connections.open, refused.length, silent.some((socket) => socket.closed)]).toEqual([3, 300, false]);
});

test('connections on which nobody asks anything any more make room for who comes then, whoever takes no answer', async () => {
  const { connections } = await start({ total: 4, perAddress: 4 });
  const slow = await open();
  slow.pause().write(get('/large'));
  const [long, ...idle] = [await openLong(), await open(), await open()];
  for (const socket of idle) {
    socket.write(get('/healthz'));
    expect(await heard(socket)).toContain('200 OK');
  }
  expect(await heard(await open())).toMatch(/^HTTP\/1\.1 503/);
  await Promise.all(idle.map(closed));
  await expect.poll(() => connections.open).toBe(2);
  expect(await answerOn(await open())).toBe('HTTP/1.1 200 OK');
  expect([slow.closed, long.closed]).toEqual([false, false]);
});

test('who is let go and comes back has a second', async () => {
  await start({ total: 1, perAddress: 1 });
  const first = await open();
  await answerOn(first);
  await closed(await open());
  await closed(first);
  const again = await open();
  await answerOn(again);
  now += 999;
  await closed(await open());
  expect(await answerOn(again)).toBe('HTTP/1.1 200 OK');
  now += 1;
  await closed(await open());
  await closed(again);
});

test('who takes a place and says nothing loses it when headers should have come', async () => {
  const { connections } = await start({ total: 1, perAddress: 1 }, 300);
  await closed(await open());
  await expect.poll(() => connections.open).toBe(0);
  expect(await answerOn(await open())).toBe('HTTP/1.1 200 OK');
});
