/**
 * A suspended tenant's agent that cannot be configured: what it ran before ends all the same.
 *
 * Needs no valid spec: an agent that nobody can read, or whose model was taken away, must not be the one that goes on running.
 */
import { isControlledBy, type ReconcileContext } from 'kube-runtime';
import type { Caches } from '../caches.ts';
import { deployments, horizontalPodAutoscalers, type AgentConfig } from '../kinds.ts';

/** Back to Active, its Deployment is made anew as soon as the agent can be configured. */
export async function stopAgent({ object: agent, cluster, signal }: ReconcileContext<AgentConfig>, caches: Caches): Promise<void> {
  const { name, namespace } = agent.metadata;
  const autoscaler = caches.horizontalPodAutoscalers.get({ name, namespace });
  if (autoscaler && isControlledBy(autoscaler, agent)) await cluster.delete(horizontalPodAutoscalers, autoscaler, { signal });
  const deployment = caches.deployments.get({ name, namespace });
  if (deployment && isControlledBy(deployment, agent)) await cluster.delete(deployments, deployment, { signal });
}
