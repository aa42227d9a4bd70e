import { child, type Child } from '../../child.ts';
import { resourceQuotas } from '../../kinds.ts';
import { tenantLabels } from '../../labels.ts';
import { namespaceOf } from '@cloister/tenancy';
import type { TenantSnapshot } from '../observe.ts';

export const quotaName = 'tenant';

/** While an agent is rolled out again and again: its documents of five revisions before, the latest one, and one that pods which are ending still mount. */
const documentsOfAgent = 7;

/** What the namespace holds beside that of its agents, with room for what its owners put there. */
const others = 20;

/**
 * Caps what the namespace may hold.
 * Objects are counted beside CPU and memory, because a tenant that cannot exhaust the node could still fill etcd.
 * AgentConfigs are counted by the agents' own checks instead: a quota on a kind that the API server has just learned refuses every object of
 * it until Kubernetes' quota controller has counted them, which takes up to five minutes after an installation.
 */
export function resourceQuota({ name, standing: { limits } }: TenantSnapshot): Child {
  const { cpu, memory, pods, agents } = limits.quota;
  return child(resourceQuotas, {
    metadata: { name: quotaName, namespace: namespaceOf(name), labels: tenantLabels(name) },
    spec: {
      hard: {
        'requests.cpu': cpu,
        'requests.memory': memory,
        'limits.memory': memory,
        pods: String(pods),
        'count/secrets': '100',
        'count/configmaps': String(Math.max(300, others + documentsOfAgent * agents)),
        'count/services': String(Math.max(50, others + agents)),
        persistentvolumeclaims: '0',
        // Both would pass by the gateway.
        'services.nodeports': '0',
        'services.loadbalancers': '0',
      },
    },
  });
}
