import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { event } from '../model/egress.double.ts';
import { agentUnderTest, tenant } from '../runtime.fixture.ts';

const agent = await agentUnderTest();

const most = 128 * 1024 * 1024;
const chunk = event({ choices: [{ index: 0, delta: { content: 'x'.repeat(16_000) }, finish_reason: null }] });

test.each([
  ['/v1/chat/completions', { stream: true, messages: [{ role: 'user', content: 'Hi' }] }],
  [`/api/v1/tenants/${tenant}/chat`, { stream: true, message: 'Hi' }],
])('who stops reading a stream of %s makes the model wait, and ends the call by leaving', async (path, body) => {
  let taken = 0;
  const ended = Promise.withResolvers<undefined>();
  agent.egress.play(async (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).once('close', () => {
      ended.resolve(undefined);
    });
    for (; taken < most && !response.destroyed; taken += chunk.length)
      if (!response.write(chunk)) await Promise.race([once(response, 'drain'), ended.promise]);
  });
  const { port } = new URL(agent.url);
  const socket = connect(Number(port), '127.0.0.1').on('error', () => undefined);
  const text = JSON.stringify(body);
  const head = [`POST ${path} HTTP/1.1`, 'Host: agent', `Authorization: Bearer ${await agent.token()}`, 'Content-Type: application/json'];
  socket.pause().write(`${head.join('\r\n')}\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
  await expect.poll(() => taken).toBeGreaterThan(0);
  for (let before = -1; before !== taken;) {
    before = taken;
    await sleep(300);
  }
  expect(taken).toBeLessThan(32 * 1024 * 1024);
  socket.destroy();
  await ended.promise;
});
