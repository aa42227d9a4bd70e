/** Calls that never left egress, so that nobody can have billed them. */
import { makeAuthority, makeServerCertificate, textOf } from '@cloister/certificates';
import { once } from 'node:events';
import { createServer as createSecureServer } from 'node:https';
import { createServer } from 'node:net';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { portOf } from '../../server/serve.ts';
import { twoProvidersUnderTest } from '../providers/two-providers.fixture.ts';
import { ask, model } from '../egress.fixture.ts';

const { egress, provider, spare, errorOf, settled, ...running } = await twoProvidersUnderTest();
let [tenant, token] = ['', ''];
beforeEach(async () => {
  tenant = running.tenant();
  token = await running.addTenant();
});

const chatAt = (baseURL: string, timeoutSeconds: number, fallbacks: string[] = []) => {
  egress.addProvider(tenant, { baseURL, timeoutSeconds, models: [model('m1', { fallbacks })] });
  egress.addProvider(`${tenant}-spare`, { baseURL: spare.baseURL });
  return fetch(`${egress.url}/v1/chat/completions`, ask(token, { model: `${tenant}/m1` }));
};

async function serverOf(certificate: string): Promise<string> {
  let asked = 0;
  const server = createSecureServer({ cert: certificate, key: certificate }, () => asked++).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.close();
    expect(asked).toBe(0);
  });
  await once(server, 'listening');
  return `https://127.0.0.1:${portOf(server)}/v1`;
}

/** Accepts connections and never says a word of TLS. */
async function silentServer(): Promise<string> {
  const server = createServer((socket) => onTestFinished(() => void socket.destroy())).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return `https://127.0.0.1:${portOf(server)}/v1`;
}

const now = { from: new Date(), days: 1 };
const authority = await makeAuthority('test', now);

test.each([
  ['nobody has signed for us', async () => serverOf(textOf(await makeServerCertificate(['localhost'], now, authority)))],
  ['has signed itself', async () => serverOf(textOf(authority))],
  ['does not come, since it speaks no TLS', () => Promise.resolve(provider.baseURL.replace('http:', 'https:'))],
])('a provider whose certificate %s costs nothing, and another model answers', async (_, place) => {
  const answer = await chatAt(await place(), 30);
  expect(await errorOf(answer)).toEqual([502, 'provider_unreachable']);
  await settled({ settled: 0, reserved: 0 });
  expect(await (await chatAt(await place(), 30, [`${tenant}-spare/m1`])).text()).toContain('from spare');
});

test('a provider with which no connection comes about in time costs nothing', async () => {
  expect(await errorOf(await chatAt(await silentServer(), 0.1))).toEqual([504, 'provider_timeout']);
  await settled({ settled: 0, reserved: 0 });
});
