/**
 * Plays, on an API server that runs alone, the parts of the controller manager and the kubelets without which nothing ends or starts:
 * namespaces that are deleted become empty and go; Deployments report their pods ready; documents go with the provider they describe, revisions
 * with their class.
 */
import { namespaces } from '@cloister/tenancy';
import { controllerOf, kind, pathOf, type Cluster } from 'kube-runtime';
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

/** On a Deployment: its pods make no progress. */
export const frozen = 'test/frozen';

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
      await Promise.allSettled([endNamespaces(), readyDeployments(), collectDocuments(), collectRevisions()]); // what fails now is tried again below
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
      if (status?.observedGeneration === metadata.generation || metadata.annotations?.[frozen]) continue;
      const live = await cluster.get(kinds.deployments, metadata);
      const pods = live?.spec.replicas ?? 1;
      const observedGeneration = live?.metadata.generation;
      const counts = { replicas: pods, updatedReplicas: pods, readyReplicas: pods, availableReplicas: pods };
      await cluster.patch(deploymentObjects, metadata, { status: { observedGeneration, ...counts } }, { subresource: 'status' });
    }
  }

  async function collectRevisions(): Promise<void> {
    const owners = new Set((await cluster.list(kinds.tenantClasses)).map(({ metadata }) => metadata.uid));
    for (const revision of await cluster.list(kinds.controllerRevisions, { namespace: namespaces.system }))
      if (!owners.has(controllerOf(revision)?.uid)) await cluster.delete(kinds.controllerRevisions, revision);
  }

  async function collectDocuments(): Promise<void> {
    const owners = new Set((await cluster.list(kinds.modelProviders)).map(({ metadata }) => metadata.uid));
    for (const document of await cluster.list(kinds.configMaps, { namespace: namespaces.system })) {
      const owner = controllerOf(document);
      if (owner?.kind === 'ModelProvider' && !owners.has(owner.uid)) await cluster.delete(kinds.configMaps, document);
    }
  }
}
