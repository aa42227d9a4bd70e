/** What callers without TLS, or with another certificate in mind, get; and a change of the certificate under callers at work. */
import { makeAuthority, makeServerCertificate, textOf, type KeyPair } from '@cloister/certificates';
import { createLogger } from '@cloister/telemetry';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as plainRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { followedCertificate } from './followed-certificate.ts';
import { Lifecycle } from './lifecycle.ts';
import { listen } from './listen.ts';
import { tenantServer } from './tenant-server.ts';

const name = 'support.tenant-acme.svc';
const life = { from: new Date(), days: 1 };
const authority = await makeAuthority('test', life);
const make = (): Promise<KeyPair> => makeServerCertificate(['*.tenant-acme.svc'], life, authority);

interface Running {
  readonly port: number;
  readonly log: string[];
  /** Writes the file that the server follows. */
  readonly write: (text: string) => Promise<void>;
  readonly stop: () => Promise<void>;
}

async function start(first: KeyPair): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'serving-'));
  const write = (text: string) => writeFile(join(folder, 'serving.pem'), text);
  await write(textOf(first));
  const log: string[] = [];
  const logger = createLogger({ name: 'test', destination: { write: (line) => void log.push(line) } });
  const certificate = followedCertificate(join(folder, 'serving.pem'), logger, 5);
  const tenants = tenantServer((_request, response) => void setTimeout(() => response.end('done'), 5), new Lifecycle(), certificate);
  const port = await listen(tenants.server, 0, '127.0.0.1');
  onTestFinished(async () => {
    certificate.stop();
    tenants.server.closeAllConnections();
    tenants.server.close();
    await rm(folder, { recursive: true });
  });
  return { port, log, write, stop: () => tenants.stop(0) };
}

interface Answer {
  readonly status: number | undefined;
  readonly serial: string;
}

const answerTo = (asked: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => asked.once('response', resolve).once('error', reject).end());

/** Each on a connection of its own, unless an agent is given. */
async function ask(port: number, agent = new Agent({ maxCachedSessions: 0 })): Promise<Answer> {
  const options = { host: '127.0.0.1', port, path: '/v1/models', servername: name, ca: authority.certificate, agent };
  const response = await answerTo(request(options));
  if (!(response.socket instanceof TLSSocket)) throw new Error('this is no answer over TLS');
  const serial = response.socket.getPeerCertificate().serialNumber;
  await once(response.resume(), 'end');
  return { status: response.statusCode, serial };
}

test('plain HTTP gets no answer, on a probe’s path neither', async () => {
  const { port } = await start(await make());
  for (const path of ['/v1/models', '/readyz', '/healthz']) {
    await expect(answerTo(plainRequest({ host: '127.0.0.1', port, path }))).rejects.toThrow(/socket hang up|ECONNRESET|Parse Error/);
  }
});

test('whoever trusts the authority is served; probes, which ask for no name, are too', async () => {
  const { port } = await start(await make());
  expect((await ask(port)).status).toBe(200);
  const probe = request({ host: '127.0.0.1', port, path: '/healthz', rejectUnauthorized: false });
  expect((await answerTo(probe)).statusCode).toBe(200);
  probe.destroy();
});

test('a new certificate is shown from the moment of its change; callers on connections of before, and meanwhile, do not notice', async () => {
  const { port, write } = await start(await make());
  const pooled = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => pooled.destroy());
  const { serial: before } = await ask(port, pooled);
  const seen = new Set<string>();
  let failures = 0;
  let working = true;
  const callers = [0, 1, 2].map(async () => {
    while (working)
      await ask(port).then(
        ({ serial }) => seen.add(serial),
        () => failures++,
      );
  });
  for (let change = 0; change < 3; change++) {
    const known = seen.size;
    await write(textOf(await make()));
    await expect.poll(() => seen.size, { timeout: 10_000 }).toBeGreaterThan(known);
  }
  working = false;
  await Promise.all(callers);
  expect(failures).toBe(0);
  expect(await ask(port, pooled)).toEqual({ status: 200, serial: before });
});

test('what is no certificate, or not with its key, is not taken and not logged', async () => {
  const [first, other] = [await make(), await make()];
  const { port, write, log } = await start(first);
  const { serial } = await ask(port);
  for (const text of ['no certificate', first.certificate + other.key, first.key]) {
    log.length = 0;
    await write(text);
    await expect.poll(() => log.length).toBeGreaterThan(0);
    expect(log.join()).toContain('stays in use');
    expect(log.join()).not.toMatch(/PRIVATE|no certificate/);
    expect(await ask(port)).toEqual({ status: 200, serial });
  }
});

test('an end does not wait for a connection that says nothing', async () => {
  const { port, stop } = await start(await make());
  const silent = connect(port, '127.0.0.1');
  silent.on('error', () => undefined);
  await once(silent, 'connect');
  await stop();
  silent.destroy();
}, 15_000);
