/** Callers that ask and do not wait for the answer, or stop reading it: what edge keeps for them, and for how long. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { pump, unreading, type Pump } from '../server/untaken.fixture.ts';
import { agentDouble } from './agent.double.ts';
import { agentsAt, edgeUnderTest } from './edge.fixture.ts';
import { LocalLimiter } from './rate-limit/local-limiter.ts';

const streaming = (key: string) =>
  `POST /v1/chat/completions HTTP/1.1\r\nHost: chat.example\r\nAuthorization: Bearer ${key}\r\nContent-Length: 2\r\n\r\n{}`;

test('who stops reading stops its agent, and is let go in time, its place with it', async () => {
  const pumping = Promise.withResolvers<Pump>();
  await using agent = await agentDouble((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    pumping.resolve(pump(response, `data: ${'x'.repeat(16_000)}\n\n`));
  });
  await using edge = await edgeUnderTest({ untakenTimeoutMs: 400 });
  const key = edge.addTenant('acme', { ...agentsAt(agent.url, 'support'), rateLimits: { concurrentRequests: 1 } });
  const socket = await unreading(edge.port, streaming(key));
  const { held } = await pumping.promise;
  const ask = () => fetch(`${edge.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
  expect((await ask()).status, 'while the stream is open').toBe(429);
  expect(await held, 'bytes in all buffers on the way').toBeLessThan(32 * 1024 * 1024);
  await expect.poll(async () => (await ask()).status).toBe(200);
  expect(edge.lines.find((line) => line.includes('/v1/chat/completions'))).toMatch(/"aborted":true.*"untaken":true/);
  socket.destroy();
});

/** Answers when it is let, as one whose Redis is slow. */
class SlowLimiter extends LocalLimiter {
  readonly asked = Promise.withResolvers<undefined>();
  readonly let = Promise.withResolvers<undefined>();

  override async take(claim: Parameters<LocalLimiter['take']>[0]): ReturnType<LocalLimiter['take']> {
    this.asked.resolve(undefined);
    await this.let.promise;
    return super.take(claim);
  }
}

test('who has left with all said, before edge has come to it, gives the place back', async () => {
  await using agent = await agentDouble((response) => void response.end('{}'));
  const limiter = new SlowLimiter();
  await using edge = await edgeUnderTest({ limiter });
  const key = edge.addTenant('acme', { ...agentsAt(agent.url, 'support'), rateLimits: { concurrentRequests: 1 } });
  const socket = connect(edge.port, '127.0.0.1');
  socket.write(streaming(key));
  await limiter.asked.promise;
  socket.destroy();
  await once(socket, 'close');
  await expect.poll(() => edge.lines.some((line) => line.includes('"aborted":true'))).toBe(true);
  limiter.let.resolve(undefined);
  const ask = () => fetch(`${edge.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
  await expect.poll(async () => (await ask()).status).toBe(200);
});
