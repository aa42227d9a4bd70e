/**
 * What runs of an agent, and the end of it while its tenant is suspended and it cannot be configured.
 *
 * Needs no valid spec: an agent that nobody can read, or whose model was taken away, must not be the one that goes on running.
 */
import { isControlledBy, type BaseObject, type Kind, type ReconcileContext } from 'kube-runtime';
import type { Caches } from '../caches.ts';
import { deployments, horizontalPodAutoscalers, type AgentConfig } from '../kinds.ts';

export interface Made {
  readonly kind: Kind<BaseObject>;
  readonly object: BaseObject;
}

/** Those of the objects that are the agent's. */
export const ownOf = (agent: AgentConfig, kind: Kind<BaseObject>, objects: readonly (BaseObject | undefined)[]): Made[] =>
  objects.flatMap((object) => (object && isControlledBy(object, agent) ? { kind, object } : []));

/** First what would bring back pods. */
export function whatRuns(agent: AgentConfig, caches: Caches): Made[] {
  const { name, namespace } = agent.metadata;
  return [
    ...ownOf(agent, horizontalPodAutoscalers, [caches.horizontalPodAutoscalers.get({ name, namespace })]),
    ...ownOf(agent, deployments, [caches.deployments.get({ name, namespace })]),
  ];
}

/** Back to Active, its Deployment is made anew as soon as the agent can be configured. */
export async function stopAgent({ object: agent, cluster, signal }: ReconcileContext<AgentConfig>, caches: Caches): Promise<void> {
  for (const { kind, object } of whatRuns(agent, caches)) await cluster.delete(kind, object, { signal });
}
