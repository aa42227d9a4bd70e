import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isRecord, parseJson } from '../json.ts';
import { connectReal } from '../testing/real-cluster.fixture.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kube-runtime-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** The kubeconfig of the tests, with other credentials for its user. */
async function writeConfig(file: string, user?: object): Promise<void> {
  const config = new KubeConfig();
  config.loadFromFile(process.env['CLOISTER_TEST_KUBECONFIG'] ?? '');
  const plain = parseJson(config.exportConfig());
  if (!isRecord(plain) || !Array.isArray(plain['users'])) throw new Error('unexpected kubeconfig');
  const users = plain['users'].map((entry: unknown) => (user && isRecord(entry) ? { name: entry['name'], user } : entry));
  await writeFile(file, JSON.stringify({ ...plain, users }), { mode: 0o600 });
}

test('credentials that are replaced in the kubeconfig, TLS client certificates included, are followed once the old ones are refused', async () => {
  const kubeconfig = join(directory, 'kubeconfig');
  await writeConfig(kubeconfig, { token: 'long-expired' });
  const cluster = await connectReal({ kubeconfig });
  await expect(cluster.request({ path: '/api/v1/namespaces' })).rejects.toMatchObject({ status: 401 });
  await writeConfig(kubeconfig);
  await expect(cluster.request({ path: '/api/v1/namespaces' })).resolves.toMatchObject({ kind: 'NamespaceList' });
  await cluster.close();
});
