/** Does a workload's steps on a cluster, as a patient person with kubectl would: what the API server cannot take now is tried again. */
import { apiVersion, namespaceOf } from '@cloister/tenancy';
import { isInvalid, kind, type Cluster } from 'kube-runtime';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Spec, Step } from './workload.ts';

interface Worded {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid?: string; readonly deletionTimestamp?: string };
  readonly spec?: Spec;
}

const tenants = kind<Worded>(apiVersion, 'Tenant', { namespaced: false });
const agents = kind<Worded>(apiVersion, 'AgentConfig');
const namespaces = kind('v1', 'Namespace');

/** A step that is not done by then never will be. */
const patienceMs = 300_000;

export async function perform(cluster: Cluster, step: Step): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    try {
      if (await attempt(cluster, step)) return;
      if (performance.now() > deadline) throw new Error(`not done within ${patienceMs / 1000} s: ${JSON.stringify(step)}`);
    } catch (error) {
      if (isInvalid(error) || performance.now() > deadline) throw error;
    }
    await sleep(50);
  }
}

/** False when something must happen first. */
async function attempt(cluster: Cluster, step: Step): Promise<boolean> {
  const { tenant } = step;
  const namespace = namespaceOf(tenant);
  switch (step.what) {
    case 'tenant':
      return put(cluster, tenants, { metadata: { name: tenant }, spec: step.spec });
    case 'delete tenant':
      await cluster.delete(tenants, { name: tenant });
      return true;
    case 'agent':
      if ((await cluster.get(namespaces, { name: namespace }))?.metadata.deletionTimestamp !== undefined) return false;
      return put(cluster, agents, { metadata: { name: step.agent, namespace }, spec: step.spec });
    case 'delete agent':
      await cluster.delete(agents, { name: step.agent, namespace });
      return true;
  }
}

async function put(cluster: Cluster, of: typeof tenants, wanted: Worded): Promise<boolean> {
  const { outcome } = await cluster.apply(of, wanted);
  return outcome !== 'terminating';
}
