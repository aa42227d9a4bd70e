import { child, type Child } from '../../child.ts';
import { horizontalPodAutoscalers } from '../../kinds.ts';
import { agentLabels } from '../../labels.ts';
import type { AgentPlan } from '../plan.ts';
import { isAutoscaled } from '../scale.ts';

/** None unless `spec.scaling` leaves a choice. */
export function autoscaler(plan: AgentPlan): Child[] {
  const { tenant, name, namespace, spec } = plan;
  if (!spec.scaling || !isAutoscaled(plan)) return [];
  const { min, max, targetCPUPercent } = spec.scaling;
  return [
    child(horizontalPodAutoscalers, {
      metadata: { name, namespace, labels: agentLabels(tenant, name) },
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
        minReplicas: min,
        maxReplicas: max,
        metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: targetCPUPercent } } }],
      },
    }),
  ];
}
