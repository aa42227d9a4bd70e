/** Callers that ask for a stream and stop reading it: what edge keeps for them, and for how long. */
import { expect, test } from 'vitest';
import { pump, unreading, type Pump } from '../server/untaken.fixture.ts';
import { agentDouble } from './agent.double.ts';
import { agentsAt, edgeUnderTest } from './edge.fixture.ts';

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
