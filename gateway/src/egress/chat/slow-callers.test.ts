/** Agents that ask for a stream and stop reading it: what egress keeps for them, for how long, and what is billed. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { egressUnderTest, model, type EgressUnderTest } from '../egress.fixture.ts';
import { beginStream, piece, providerDouble, type ProviderDouble } from '../providers/provider.double.ts';
import { pump, unreading, type Pump } from '../../server/untaken.fixture.ts';

let egress: EgressUnderTest;
let provider: ProviderDouble;
beforeAll(async () => {
  [egress, provider] = await Promise.all([egressUnderTest({ untakenTimeoutMs: 400 }), providerDouble()]);
  // So much output that it is the reader who ends the stream, and not the reservation.
  egress.addProvider('openai', { baseURL: provider.baseURL, models: [model('m1', { maxOutputTokens: 1e9 })] });
}, 60_000);
afterAll(async () => {
  await egress[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

test('who stops reading stops the provider, is let go in time, and is billed for what was produced', async () => {
  const pumping = Promise.withResolvers<Pump>();
  provider.answer = (response) => {
    pumping.resolve(pump(beginStream(response), piece('x'.repeat(16_000))));
  };
  const token = await egress.addTenant('acme', { models: ['openai/m1'], budget: { timeZone: 'UTC', daily: { usd: 10_000 } } });
  const body = JSON.stringify({ model: 'openai/m1', stream: true, messages: [{ role: 'user', content: 'Hi' }] });
  const head = ['POST /v1/chat/completions HTTP/1.1', 'Host: egress', `Authorization: Bearer ${token}`, `Content-Length: ${body.length}`];
  const socket = await unreading(Number(new URL(egress.url).port), `${head.join('\r\n')}\r\n\r\n${body}`);
  const { held } = await pumping.promise;
  expect(await held, 'bytes in all buffers on the way').toBeLessThan(32 * 1024 * 1024);
  await vi.waitFor(async () => expect(await egress.standing('acme')).toMatchObject({ reserved: 0 }), 3_000);
  expect((await egress.standing('acme')).settled).toBeGreaterThan(0);
  socket.destroy();
});
