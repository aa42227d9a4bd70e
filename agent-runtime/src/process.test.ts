/** The process as its pod runs it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setDefaultCACertificates } from 'node:tls';
import { makeAuthority, makeServerCertificate, textOf } from '@cloister/certificates';
import { callerSigner, generateIdentityKeys } from '@cloister/identity';
import { expect, onTestFinished, test } from 'vitest';
import { devDocument } from './dev/dev-document.ts';
import { listen, portOf } from './http/listen.ts';
import { egressDouble, pausedStream, type EgressDouble } from './model/egress.double.ts';

const life = { from: new Date(), days: 1 };
const authority = await makeAuthority('test', life);
setDefaultCACertificates([authority.certificate]); // fetch has no other way to be told whom to trust

interface Running {
  readonly process: ChildProcess;
  readonly url: string;
  readonly egress: EgressDouble;
  readonly output: () => string;
  readonly complete: () => Promise<Response>;
}

/** No port can be asked for twice by accident: the system has just given it to us and has thousands of others to give next. */
async function freePort(): Promise<number> {
  const server = createServer();
  await listen(server, 0, '127.0.0.1');
  const port = portOf(server);
  server.close();
  return port;
}

/** With nothing adjustable, completions need no database; there is none. */
async function start(): Promise<Running> {
  const directory = await mkdtemp(join(tmpdir(), 'agent-'));
  const egress = await egressDouble();
  const { privateKey, jwks } = await generateIdentityKeys();
  const document = { ...devDocument({ egressURL: egress.baseURL, model: 'offline/echo', instructions: '' }), settings: {} };
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(directory, name), text);
    return join(directory, name);
  };
  const [http, metrics] = [await freePort(), await freePort()];
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    env: {
      HTTP_PORT: String(http),
      METRICS_PORT: String(metrics),
      DRAIN_SECONDS: '0.5',
      AGENT_DOCUMENT_FILE: await file('document.json', JSON.stringify(document)),
      IDENTITY_FILE: await file('jwks.json', JSON.stringify(jwks)),
      DATABASE_URL_FILE: await file('database', 'postgres://nobody:hush@127.0.0.1:1/none'),
      SERVING_FILE: await file('serving.pem', textOf(await makeServerCertificate(['localhost'], life, authority))),
      EGRESS_TOKEN_FILE: await file('token', 'pod-token'),
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (output += bytes.toString()));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    egress.close();
    await rm(directory, { recursive: true });
  });
  await expect.poll(() => output, { timeout: 30_000 }).toContain('Agent listens');
  const url = `https://localhost:${http}`;
  const sign = await callerSigner(privateKey, document.identity.issuer);
  const complete = async (): Promise<Response> =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${await sign({ tenant: 'dev', subject: 'key:one', scopes: ['chat'] }, document.identity.audience)}`,
      },
      body: JSON.stringify({ stream: true, messages: [{ role: 'user', content: 'Hello you' }] }),
    });
  return { process: child, url, egress, output: () => output, complete };
}

test('a stream survives SIGTERM, requests are served until the drain is over, and the process then ends by itself', async () => {
  const { process: child, url, egress, complete } = await start();
  const { promise: gate, resolve: goOn } = Promise.withResolvers<undefined>();
  egress.play(pausedStream(gate));
  const early = await complete();
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await expect.poll(async () => (await fetch(`${url}/healthz`)).headers.get('connection')).toBe('close');
  const late = await complete();
  expect([late.status, late.headers.get('connection')]).toEqual([200, 'close']);
  await expect
    .poll(
      () =>
        complete().then(
          () => 'served',
          () => 'refused',
        ),
      { timeout: 5_000 },
    )
    .toBe('refused');
  goOn(undefined);
  for (const answer of [early, late]) expect(await answer.text()).toContain('[DONE]');
  expect(await exit).toEqual([0, null]);
}, 60_000);

test('what it prints while its database is away tells the reason and no secret', async () => {
  const { output, url } = await start();
  await expect.poll(output).toContain('ECONNREFUSED');
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  expect(output()).not.toContain('hush');
  expect(output()).not.toContain('pod-token');
}, 60_000);

test('a document that cannot be used ends the process with the name of the field', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'agent-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, 'document.json');
  await writeFile(file, '{"tenant":"acme"}');
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], { env: { AGENT_DOCUMENT_FILE: file } });
  let output = '';
  child.stderr.on('data', (bytes: Buffer) => (output += bytes.toString()));
  expect((await once(child, 'close'))[0]).toBe(1);
  expect(output).toContain('egressURL');
}, 60_000);
