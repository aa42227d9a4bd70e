import { group } from '@cloister/tenancy';
import { child, type Child } from '../../child.ts';
import { shortHash } from '../../hash.ts';
import { deployments } from '../../kinds.ts';
import { agentLabels, agentSelector } from '../../labels.ts';
import { remembered } from '../../remembered.ts';
import type { AgentPlan } from '../plan.ts';
import { isAutoscaled, replicasOf } from '../scale.ts';
import { podTemplate } from './pod.ts';

/** On each pod, and on the Deployment: by which revision of the AgentConfig it was made. */
export const revisionLabel = `${group}/revision`;

/** Changes whenever pods have to be replaced. A run asks for it several times, and it costs as much as all else that a run plans. */
export const revisionOf = remembered((plan: AgentPlan): string => shortHash(podTemplate(plan)));

/** A new pod takes over before an old one goes, so that no request is lost; one that does not become ready changes nothing. */
export function deployment(plan: AgentPlan): Child {
  const { tenant, name, namespace } = plan;
  const template = podTemplate(plan);
  return child(deployments, {
    metadata: { name, namespace, labels: { ...agentLabels(tenant, name), [revisionLabel]: revisionOf(plan) } },
    spec: {
      // Where a HorizontalPodAutoscaler scales, the number is its own.
      replicas: isAutoscaled(plan) ? undefined : replicasOf(plan),
      revisionHistoryLimit: 2,
      progressDeadlineSeconds: 120,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: agentSelector(tenant, name) },
      template: {
        ...template,
        metadata: { ...template.metadata, labels: { ...agentSelector(tenant, name), [revisionLabel]: revisionOf(plan) } },
      },
    },
  });
}
