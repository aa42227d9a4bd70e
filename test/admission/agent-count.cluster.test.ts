/** The bound on AgentConfigs, by Kubernetes' own quota controller, from the moment at which it is told of them for the first time. */
import { apiVersion } from '@cloister/tenancy';
import { connect, kind, type Cluster } from 'kube-runtime';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, test } from 'vitest';
import { agentConfigs, namespaceKind, resourceQuotas } from '../../operator/src/kinds.ts';
import { countsAgentConfigs, probeName, resourceQuota } from '../../operator/src/tenant/children/resource-quota.ts';
import { snapshot } from '../../operator/src/tenant/snapshot.fixture.ts';
import { installResources } from '../../operator/src/testing/cluster.fixture.ts';
import { startControlPlane, stopCluster } from '../cluster/index.ts';
import { until } from '../e2e/support/until.ts';

const name = 'test-count';
const namespace = 'tenant-acme';
const agents = 1;

let cluster: Cluster;
beforeAll(async () => {
  const { kubeconfig } = await startControlPlane({ name, controllers: true, keeper: process.pid });
  cluster = await connect({ kubeconfig, fieldManager: 'test' });
  await installResources(cluster);
  await cluster.apply(namespaceKind, { metadata: { name: namespace } });
}, 120_000);
afterAll(async () => {
  await cluster.close();
  await stopCluster(name);
});

const ask = (index: number) =>
  cluster.create(agentConfigs, { apiVersion, metadata: { name: `agent-${index}`, namespace }, spec: { model: 'a/b' } });
const bounded = resourceQuota(snapshot({ spec: { quota: { agents } }, agentConfigsCounted: true }));

/** As the chart makes it. Anew each time: one that is there already is looked at every five minutes. */
async function isCountedNow(): Promise<boolean> {
  const key = { name: probeName, namespace: 'default' };
  await cluster.delete(resourceQuotas, key);
  await cluster.create(kind('v1', 'ResourceQuota'), { metadata: key, spec: { hard: { 'count/agentconfigs.cloister.dev': '0' } } });
  await sleep(1_000);
  const seen = await cluster.get(resourceQuotas, key);
  return seen !== undefined && countsAgentConfigs(seen);
}

const isRefused = () =>
  ask(Date.now()).then(
    () => false,
    (error: unknown) => String(error).includes('exceeded quota: tenant'),
  );

test('once AgentConfigs are counted, a quota refuses none that fits, not even at first, and each that does not', async () => {
  await until('AgentConfigs to be counted', isCountedNow, { within: 120_000 });
  await ask(0);
  await cluster.apply(bounded.kind, bounded.desired);
  for (let index = 1; index < 22; index++) await ask(index);
  await until('one too many to be refused', isRefused, { within: 20_000 });
}, 180_000);
