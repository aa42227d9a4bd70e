/**
 * An operator at work on the test API server, with the stand-ins that a bare API server needs.
 *
 * Only one operator may work on a cluster, so it takes the lease first: test files that need one run one after another.
 */
import { fieldManager, namespaces } from '@cloister/tenancy';
import { connect, kind, silentLogger, type Cluster, type KubeObject } from 'kube-runtime';
import { base64 } from '../child.ts';
import * as kinds from '../kinds.ts';
import { parseConfiguration, type Configuration } from '../settings.ts';
import { leaseName, startOperator } from '../start.ts';
import type { ReadUsage } from '../usage/read-usage.ts';
import { connectTestCluster, installResources } from './cluster.fixture.ts';
import { standInForControllers } from './controllers.double.ts';
import { testKubeconfig, testPostgres, testRedisURL } from './servers.fixture.ts';
import { until } from './until.fixture.ts';

export const configuration: Configuration = parseConfiguration(
  'agentRuntime: { image: "localhost/agent-runtime:test", egressURL: "http://egress.cloister-system.svc:80/v1" }\nrotation: { settleSeconds: 1 }\nusageSeconds: 1',
  'the test',
);

export interface RunningOperator {
  /** For the tests' own calls; the operator has another. */
  readonly cluster: Cluster;
  /** As Prometheus would read them. */
  readonly metrics: () => Promise<string>;
  /** Method and path of each write since the last call, the lease's left out. */
  readonly writes: () => string[];
  /** From now on it gets through so many writes and no more, as if it had died there. Until the next restart. */
  readonly dieAfter: (writes: number) => void;
  /** Whether a write has been refused since. */
  readonly died: () => boolean;
  /** Stops it, does the work, and starts it again. Resolves once it leads and its caches are filled. */
  readonly restart: (meanwhile?: () => Promise<void>) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** For `beforeAll`: other test files may have the lease for minutes. */
export const startTimeoutMs = 600_000;

const leases = kind('coordination.k8s.io/v1', 'Lease');

/** `readUsage`: what takes the place of egress; nobody is asked where it is not given. */
export async function runOperator(readUsage?: ReadUsage): Promise<RunningOperator> {
  const cluster = await connectTestCluster();
  await installResources(cluster);
  await prepareNamespaces(cluster);
  const standIns = standInForControllers(cluster);
  const written: string[] = [];
  const life = { writesLeft: Infinity, died: false };
  let current = await start(written, life, readUsage);
  return {
    cluster,
    metrics: () => current.metrics(),
    writes: () => written.splice(0),
    dieAfter: (writes) => {
      life.writesLeft = writes;
    },
    died: () => life.died,
    restart: async (meanwhile) => {
      await current.stop();
      await meanwhile?.();
      Object.assign(life, { writesLeft: Infinity, died: false });
      current = await start(written, life, readUsage);
    },
    stop: async () => {
      await current.stop();
      await standIns.stop();
      await cluster.close();
    },
  };
}

interface Started {
  readonly stop: () => Promise<void>;
  readonly metrics: () => Promise<string>;
}

async function start(written: string[], life: { writesLeft: number; died: boolean }, readUsage: ReadUsage | undefined): Promise<Started> {
  const cluster = await connect({ kubeconfig: testKubeconfig(), fieldManager, log: silentLogger });
  cluster.interceptWrites((write, proceed) => {
    if (write.path.includes('/leases')) return proceed();
    life.died ||= life.writesLeft <= 0;
    if (life.died) return Promise.reject(new Error('the operator has died'));
    life.writesLeft -= 1;
    written.push(`${write.method} ${write.path}`);
    return proceed();
  });
  const ending = new AbortController();
  const identity = `test-${process.pid}-${Math.random()}`;
  const lease = { name: leaseName, namespace: namespaces.system, identity };
  const ended = startOperator(cluster, configuration, { signal: ending.signal, lease, readUsage });
  const leads = until('the operator to lead', async () => holderOf(await cluster.get(leases, lease)) === identity, startTimeoutMs);
  await Promise.race([leads, ended]);
  const stop = async (): Promise<void> => {
    ending.abort();
    await ended;
    await cluster.close();
  };
  return { stop, metrics: () => cluster.registry.metrics() };
}

function holderOf(lease: KubeObject | undefined): unknown {
  const spec = lease?.['spec'];
  return typeof spec === 'object' && spec !== null && 'holderIdentity' in spec ? spec.holderIdentity : undefined;
}

async function prepareNamespaces(cluster: Cluster): Promise<void> {
  for (const name of Object.values(namespaces)) await cluster.apply(kinds.namespaceKind, { metadata: { name } });
  await writePostgresSecret(cluster);
  await writeRedisSecret(cluster, testRedisURL().href);
}

async function writePostgresSecret(cluster: Cluster): Promise<void> {
  const data = Object.fromEntries(Object.entries(testPostgres()).map(([key, value]) => [key, base64(String(value))]));
  await cluster.apply(kinds.secrets, { metadata: { name: 'postgres-admin', namespace: namespaces.system }, data });
}

export async function writeRedisSecret(cluster: Cluster, url: string): Promise<void> {
  await cluster.apply(kinds.secrets, { metadata: { name: 'redis-admin', namespace: namespaces.system }, data: { url: base64(url) } });
}
