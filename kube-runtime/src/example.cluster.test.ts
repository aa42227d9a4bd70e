import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Cluster } from './cluster/cluster.ts';
import { kind } from './kind.ts';
import { configMaps, connectReal, freshNamespace, namespaces } from './testing/real-cluster.fixture.ts';
import { eventually } from './testing/eventually.ts';

const greetings = kind('example.dev/v1', 'Greeting');
let cluster: Cluster;
let namespace: string;
let operator: ChildProcess;

beforeEach(async () => {
  cluster = await connectReal();
  namespace = await freshNamespace(cluster);
  const example = fileURLToPath(new URL('../examples/hello-operator.ts', import.meta.url));
  operator = spawn(process.execPath, [example], {
    env: { ...process.env, KUBECONFIG: process.env['CLOISTER_TEST_KUBECONFIG'], METRICS_PORT: '0' },
    stdio: 'ignore',
  });
});
afterEach(async () => {
  operator.kill('SIGKILL');
  await cluster.delete(namespaces, { name: namespace });
  await cluster.close();
});

test('the example operator greets, and ends in order when told to', async () => {
  const greet = async (): Promise<boolean> => {
    try {
      await cluster.apply(greetings, { metadata: { name: 'ada', namespace }, spec: { name: 'Ada' } });
      return true;
    } catch {
      return false; // its kind is not served yet
    }
  };
  await eventually('its kind is served', greet, 15_000);
  const said = async () => (await cluster.get(configMaps, { name: 'ada', namespace }))?.data?.['text'];
  await eventually('it greets', async () => (await said()) === 'Hello Ada', 20_000);
  const ended = new Promise((resolve) => operator.once('exit', (code) => resolve(code)));
  operator.kill('SIGTERM');
  expect(await ended).toBe(0);
});
