import { fieldManager } from '@cloister/tenancy';
import { pathOf, type Cluster } from 'kube-runtime';
import { deployments } from '../kinds.ts';
import type { AgentSnapshot } from './observe.ts';

/**
 * Before an autoscaler takes over `spec.replicas`, the number as it stands is given to another field manager. Otherwise, as the operator
 * stops declaring the field, server-side apply would remove it and the Deployment would fall to the default of one pod.
 */
export async function handOverReplicas({ deployment, autoscaler }: AgentSnapshot, cluster: Cluster, signal: AbortSignal): Promise<void> {
  if (!deployment || autoscaler) return;
  const { name, namespace } = deployment.metadata;
  await cluster.request({
    method: 'PATCH',
    path: pathOf(deployments, deployment.metadata),
    query: { fieldManager: `${fieldManager}-scale`, force: true },
    contentType: 'application/apply-patch+yaml',
    body: {
      apiVersion: deployments.apiVersion,
      kind: deployments.kind,
      metadata: { name, namespace },
      spec: { replicas: deployment.spec.replicas ?? 1 },
    },
    signal,
  });
}
