import { child, type Child } from '../../child.ts';
import { resourceQuotas, type ResourceQuota } from '../../kinds.ts';
import { tenantLabels } from '../../labels.ts';
import { group, namespaceOf } from '@cloister/tenancy';
import type { TenantSnapshot } from '../observe.ts';

export const quotaName = 'tenant';

/** While an agent is rolled out again and again: its documents of five revisions before, the latest one, and one that pods which are ending still mount. */
const documentsOfAgent = 7;

/** What the namespace holds beside that of its agents, with room for what its owners put there. */
const others = 20;

/** By this name a quota counts AgentConfigs. */
const agentConfigs = `count/agentconfigs.${group}`;

/** In the operator's own namespace, from the chart: it allows no AgentConfig there, and shows when AgentConfigs are counted. */
export const probeName = 'no-agentconfigs';

/** Whether Kubernetes' quota controller counts AgentConfigs by now. */
export const countsAgentConfigs = ({ status }: ResourceQuota): boolean => status?.used?.[agentConfigs] !== undefined;

/**
 * Caps what the namespace may hold.
 * Objects are counted beside CPU and memory, because a tenant that cannot exhaust the node could still fill etcd.
 * Which AgentConfigs run is said by the agents' own checks; that there are not many more of them, here. Twice as many, so that each can be replaced by
 * another. Not before they can be counted: until Kubernetes' quota controller has learned of a kind, which takes up to five minutes after an installation,
 * every object of it would be refused.
 */
export function resourceQuota({ name, standing: { limits }, agentConfigsCounted }: TenantSnapshot): Child {
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
        ...(agentConfigsCounted && { [agentConfigs]: String(others + 2 * agents) }),
        'count/services': String(Math.max(50, others + agents)),
        persistentvolumeclaims: '0',
        // Both would pass by the gateway.
        'services.nodeports': '0',
        'services.loadbalancers': '0',
      },
    },
  });
}
