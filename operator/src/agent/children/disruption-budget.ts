import { child, type Child } from '../../child.ts';
import { podDisruptionBudgets } from '../../kinds.ts';
import { agentLabels, agentSelector } from '../../labels.ts';
import type { AgentPlan } from '../plan.ts';

/**
 * Nodes are drained one pod of the agent at a time. Counted from above: with a single replica, a floor of one would hold up the drain for
 * ever. Pods that are not ready may always go, or a broken agent would hold it up as well.
 */
export const disruptionBudget = ({ tenant, name, namespace }: AgentPlan): Child =>
  child(podDisruptionBudgets, {
    metadata: { name, namespace, labels: agentLabels(tenant, name) },
    spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow', selector: { matchLabels: agentSelector(tenant, name) } },
  });
