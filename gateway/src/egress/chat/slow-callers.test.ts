/** Agents that ask for a stream and stop reading it: what egress keeps for them, for how long, and what is billed. */
import type { Socket } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { egressUnderTest, model, type EgressUnderTest } from '../egress.fixture.ts';
import { beginStream, piece, providerDouble, type ProviderDouble } from '../providers/provider.double.ts';
import { pump, unreading, type Pump } from '../../server/untaken.fixture.ts';

// So much output that it is the reader who ends the stream, and not the reservation.
const models = [model('m1', { maxOutputTokens: 1e9 })];
let egress: EgressUnderTest;
let provider: ProviderDouble;
beforeAll(async () => {
  [egress, provider] = await Promise.all([egressUnderTest({ untakenTimeoutMs: 1_500 }), providerDouble()]);
  const { baseURL } = provider;
  egress.addProvider('openai', { baseURL, models });
  egress.addProvider('hasty', { baseURL, models, timeoutSeconds: 1 });
}, 60_000);
afterAll(async () => {
  await egress[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

/** Asks for a stream that goes on for ever, and reads nothing of it. */
async function stopReading(tenant: string, of: string): Promise<{ readonly socket: Socket; readonly held: Promise<number> }> {
  const pumping = Promise.withResolvers<Pump>();
  provider.answer = (response) => {
    pumping.resolve(pump(beginStream(response), piece('x'.repeat(16_000))));
  };
  const token = await egress.addTenant(tenant, { models: [of], budget: { timeZone: 'UTC', daily: { usd: 10_000 } } });
  const body = JSON.stringify({ model: of, stream: true, messages: [{ role: 'user', content: 'Hi' }] });
  const head = ['POST /v1/chat/completions HTTP/1.1', 'Host: egress', `Authorization: Bearer ${token}`, `Content-Length: ${body.length}`];
  const socket = await unreading(Number(new URL(egress.url).port), `${head.join('\r\n')}\r\n\r\n${body}`);
  return { socket, held: (await pumping.promise).held };
}

test('who stops reading stops the provider, is let go in time, and is billed for what was produced', async () => {
  const { socket, held } = await stopReading('acme', 'openai/m1');
  expect(await held, 'bytes in all buffers on the way').toBeLessThan(32 * 1024 * 1024);
  await vi.waitFor(async () => expect(await egress.standing('acme')).toMatchObject({ reserved: 0 }), 5_000);
  expect((await egress.standing('acme')).settled).toBeGreaterThan(0);
  socket.destroy();
});

test('time that is up while an agent does not read is told as that, and not as a provider that cannot be reached', async () => {
  const { socket } = await stopReading('globex', 'hasty/m1');
  const line = () => egress.lines.find((one) => one.includes('"tenant":"globex"'));
  await vi.waitFor(() => expect(line()).toContain('"problem":"provider_timeout"'), 5_000);
  socket.destroy();
});
