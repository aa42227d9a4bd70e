/** A connection to the API server of cluster tests, and what every test needs there. */
import { fieldManager } from '@cloister/tenancy';
import { connect, kind, type Cluster, type KubeObject } from 'kube-runtime';
import { customResourceDefinition } from '../api/crd.ts';
import { resources } from '../api/resources.ts';
import { testKubeconfig } from './servers.fixture.ts';
import { until } from './until.fixture.ts';

export const connectTestCluster = (): Promise<Cluster> => connect({ kubeconfig: testKubeconfig(), fieldManager });

const definitions = kind('apiextensions.k8s.io/v1', 'CustomResourceDefinition');

/** Resolves once the API server serves all four kinds. */
export async function installResources(cluster: Cluster): Promise<void> {
  for (const resource of resources) {
    const { metadata, spec } = customResourceDefinition(resource);
    await cluster.apply(definitions, { metadata, spec });
    await until(`${metadata.name} to be served`, async () => isEstablished(await cluster.get(definitions, { name: metadata.name })));
  }
}

function isEstablished(definition: KubeObject | undefined): boolean {
  const status = definition?.['status'];
  if (typeof status !== 'object' || status === null || !('conditions' in status) || !Array.isArray(status.conditions)) return false;
  return status.conditions.some(
    (condition: unknown) =>
      typeof condition === 'object' &&
      condition !== null &&
      'type' in condition &&
      condition.type === 'Established' &&
      'status' in condition &&
      condition.status === 'True',
  );
}
