import { fieldManager } from '@cloister/tenancy';
import { pathOf, type ReconcileContext } from 'kube-runtime';
import { deployments, type AgentConfig } from '../kinds.ts';
import type { AgentSnapshot } from './observe.ts';
import type { AgentPlan } from './plan.ts';
import { replicasOf } from './scale.ts';

type Acting = Pick<ReconcileContext<AgentConfig>, 'cluster' | 'signal'>;

/**
 * Before an autoscaler takes over `spec.replicas`, the number as it stands is given to another field manager. Otherwise, as the operator
 * stops declaring the field, server-side apply would remove it and the Deployment would fall to the default of one pod.
 * Never less than the fewest of the range, and again whenever there are none: an autoscaler lets a Deployment without pods be.
 */
export async function handOverReplicas(
  { deployment, autoscaler }: AgentSnapshot,
  plan: AgentPlan,
  { cluster, signal }: Acting,
): Promise<void> {
  if (!deployment) return;
  const { metadata, spec } = deployment;
  const { name, namespace } = metadata;
  const current = spec.replicas ?? 1;
  if (autoscaler && current > 0) return;
  await cluster.request({
    method: 'PATCH',
    path: pathOf(deployments, metadata),
    query: { fieldManager: `${fieldManager}-scale`, force: true },
    contentType: 'application/apply-patch+yaml',
    body: {
      apiVersion: deployments.apiVersion,
      kind: deployments.kind,
      metadata: { name, namespace },
      spec: { replicas: Math.max(current, replicasOf(plan)) },
    },
    signal,
  });
}
