import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { connect } from './connect.ts';

let directory: string;
let server: Server;
let accepted: string;
let asked: (string | undefined)[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kube-runtime-'));
  asked = [];
  server = createServer((request, response) => {
    asked.push(request.headers.authorization);
    response.writeHead(request.headers.authorization === `Bearer ${accepted}` ? 200 : 401).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true });
});

async function kubeconfig(user: object, context: object = {}): Promise<string> {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  const file = join(directory, 'kubeconfig');
  const config = {
    clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${address.port}`, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', ...context } }],
    'current-context': 'x',
  };
  await writeFile(file, JSON.stringify(config)); // JSON is YAML
  return file;
}

test('a token that was replaced on disk is followed as soon as the old one is refused', async () => {
  const tokenFile = join(directory, 'token');
  await writeFile(tokenFile, 'first');
  accepted = 'first';
  const cluster = await connect({ kubeconfig: await kubeconfig({ 'auth-provider': { name: 'tokenFile', config: { tokenFile } } }) });
  await cluster.request({ path: '/version' });
  await writeFile(tokenFile, 'second');
  accepted = 'second';
  await cluster.request({ path: '/version' });
  expect(asked).toEqual(['Bearer first', 'Bearer first', 'Bearer second']);
  await cluster.close();
});

test('material for TLS that cannot be read is complained of with every request, until it can', async () => {
  accepted = 'static';
  const file = await kubeconfig({ token: 'static', 'client-certificate-data': 'bm90aGluZw==', 'client-key-data': 'bm90aGluZw==' });
  const cluster = await connect({ kubeconfig: file });
  for (let turn = 0; turn < 3; turn++) await expect(cluster.request({ path: '/version' })).rejects.toThrow(/PEM|certificate|key/i);
  expect(asked).toEqual([]);
  await cluster.close();
});

test('KUBECONFIG is found, and the namespace of its context known', async () => {
  accepted = 'static';
  vi.stubEnv('KUBECONFIG', await kubeconfig({ token: 'static' }, { namespace: 'home' }));
  const cluster = await connect();
  await cluster.request({ path: '/version' });
  expect(cluster.namespace).toBe('home');
  await cluster.close();
});

test('without any configuration the error says where to put one', async () => {
  vi.stubEnv('KUBECONFIG', '');
  vi.stubEnv('HOME', directory);
  await expect(connect()).rejects.toThrow('set KUBECONFIG, pass { kubeconfig }, or run inside a cluster');
});
