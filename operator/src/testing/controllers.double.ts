/**
 * Plays, on an API server that runs alone, the parts of the controller manager and the kubelets without which nothing ends or starts:
 * namespaces that are deleted become empty and go; Deployments report their pods ready.
 */
import { kind, pathOf, type Cluster } from 'kube-runtime';
import { setTimeout as pause } from 'node:timers/promises';
import * as kinds from '../kinds.ts';

const contents = [
  kinds.secrets,
  kinds.configMaps,
  kinds.serviceAccounts,
  kinds.services,
  kinds.resourceQuotas,
  kinds.limitRanges,
  kinds.roles,
  kinds.roleBindings,
  kinds.networkPolicies,
  kinds.deployments,
  kinds.agentConfigs,
  kinds.podDisruptionBudgets,
  kinds.horizontalPodAutoscalers,
];
const namespaceObjects = kind('v1', 'Namespace');
const deploymentObjects = kind('apps/v1', 'Deployment');

export function standInForControllers(cluster: Cluster): { readonly stop: () => Promise<void> } {
  const ending = new AbortController();
  const work = loop();
  return {
    stop: async () => {
      ending.abort();
      await work;
    },
  };

  async function loop(): Promise<void> {
    while (!ending.signal.aborted) {
      await Promise.allSettled([endNamespaces(), readyDeployments()]); // what fails now is tried again below
      await pause(30);
    }
  }

  async function endNamespaces(): Promise<void> {
    for (const namespace of await cluster.list(namespaceObjects)) {
      const { name, deletionTimestamp } = namespace.metadata;
      if (!deletionTimestamp) continue;
      for (const content of contents) await cluster.request({ method: 'DELETE', path: pathOf(content, { namespace: name }) });
      const body = { ...namespace, spec: { finalizers: [] } };
      await cluster.request({ method: 'PUT', path: pathOf(namespaceObjects, { name }, 'finalize'), body });
    }
  }

  async function readyDeployments(): Promise<void> {
    for (const { metadata, status } of await cluster.list(kinds.deployments)) {
      if (status?.observedGeneration === metadata.generation || metadata.annotations?.['test/frozen']) continue;
      const live = await cluster.get(kinds.deployments, metadata);
      const pods = live?.spec.replicas ?? 1;
      const observedGeneration = live?.metadata.generation;
      const counts = { replicas: pods, updatedReplicas: pods, readyReplicas: pods, availableReplicas: pods };
      await cluster.patch(deploymentObjects, metadata, { status: { observedGeneration, ...counts } }, { subresource: 'status' });
    }
  }
}
