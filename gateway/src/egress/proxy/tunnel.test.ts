import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { portOf } from '../../server/serve.ts';
import { openTunnel, type TunnelLimits } from './tunnel.ts';

const large: TunnelLimits = { bytes: 1e6, totalMs: 60_000, idleMs: 60_000 };
const opened: { destroy(): void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.destroy();
});

/** Both ends of one connection. */
async function pair(): Promise<readonly [Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const far = connect({ port: portOf(server), host: '127.0.0.1', allowHalfOpen: true });
  const near = await new Promise<Socket>((resolve) => server.once('connection', resolve));
  server.close();
  for (const socket of [far, near]) socket.on('error', () => undefined);
  opened.push(far, near);
  return [far, near];
}

async function started(limits: Partial<TunnelLimits> = {}, carried?: (bytes: number) => void) {
  const [[pod, client], [site, server]] = await Promise.all([pair(), pair()]);
  const { ended, end } = openTunnel(client, server, { ...large, ...limits }, carried);
  return { pod, site, end, traffic: ended };
}

test('each side may end its half while the other goes on', async () => {
  const { pod, site, traffic } = await started();
  pod.resume().end('question');
  await once(site.resume(), 'end');
  site.end('a longer answer');
  expect(await traffic).toEqual({ up: 8, down: 15, end: 'closed' });
});

test('bytes of both directions count together', async () => {
  const { pod, site, traffic } = await started({ bytes: 10 });
  pod.write('123456');
  await once(site, 'data');
  site.write('123456');
  expect((await traffic).end).toBe('too many bytes');
});

test('a connection on which nothing is said ends', async () => {
  const { traffic } = await started({ idleMs: 50 });
  expect(await traffic).toEqual({ up: 0, down: 0, end: 'idle' });
});

test('a connection that is used ends all the same when its time is up', async () => {
  const { pod, traffic } = await started({ totalMs: 100, idleMs: 10_000 });
  const talking = setInterval(() => pod.write('x'), 10);
  expect((await traffic).end).toBe('too long');
  clearInterval(talking);
});

test('a side that is gone takes the other with it', async () => {
  const { pod, site, traffic } = await started();
  site.resume();
  const left = once(site, 'end');
  pod.resetAndDestroy();
  expect((await traffic).end).toBe('broken');
  await left;
});

test('a side that was gone before it began ends the other', async () => {
  const [[, client], [, server]] = await Promise.all([pair(), pair()]);
  client.destroy();
  await once(client, 'close');
  expect((await openTunnel(client, server, large).ended).end).toBe('broken');
});

test('whoever opened it may end it, and the first reason is kept', async () => {
  const { traffic, end } = await started();
  end('stopped');
  end('idle');
  expect(await traffic).toEqual({ up: 0, down: 0, end: 'stopped' });
});

test('every piece is told of, and one with which somebody ends it is not passed on', async () => {
  let told = 0;
  const { pod, site, end, traffic } = await started({}, (bytes) => {
    told += bytes;
    if (told > 5) end('too many bytes of the tenant');
  });
  let arrived = '';
  site.on('data', (piece: Buffer) => (arrived += piece.toString()));
  pod.write('12345');
  await expect.poll(() => arrived).toBe('12345');
  pod.write('67890');
  expect(await traffic).toEqual({ up: 10, down: 0, end: 'too many bytes of the tenant' });
  expect(arrived).toBe('12345');
});
