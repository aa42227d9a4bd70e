import { components, labels, namespaceOf, ports } from '@cloister/tenancy';
import { child, type Child } from '../../child.ts';
import { networkPolicies, type NetworkPolicySpec } from '../../kinds.ts';
import { tenantLabels } from '../../labels.ts';
import type { TenantSnapshot } from '../observe.ts';

export const policyNames = { deny: 'default-deny', agents: 'agents' } as const;

const tcp = (port: number) => ({ protocol: 'TCP', port });

/** Nothing in, nothing out, for every pod of the namespace: what is allowed is added by other policies. */
export const denyAll = ({ name }: TenantSnapshot): Child =>
  child(networkPolicies, {
    metadata: { name: policyNames.deny, namespace: namespaceOf(name), labels: tenantLabels(name) },
    spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
  });

export const allowAgents = (seen: TenantSnapshot): Child =>
  child(networkPolicies, {
    metadata: { name: policyNames.agents, namespace: namespaceOf(seen.name), labels: tenantLabels(seen.name) },
    spec: agentsPolicy(seen),
  });

/** Agents are called by edge, and call egress, Postgres, Redis and the cluster's DNS. Other agents of the same tenant go through edge too. */
export function agentsPolicy({ configuration }: Pick<TenantSnapshot, 'configuration'>): NetworkPolicySpec {
  const { systemNamespace, postgres, redis, dns } = configuration;
  const systemPods = (component: string) => ({
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': systemNamespace } },
    podSelector: { matchLabels: { [labels.name]: 'cloister', [labels.component]: component } },
  });
  return {
    podSelector: { matchLabels: { [labels.name]: 'cloister', [labels.component]: components.agent } },
    policyTypes: ['Ingress', 'Egress'],
    ingress: [{ from: [systemPods(components.edge)], ports: [tcp(ports.http)] }],
    egress: [
      { to: [systemPods(components.egress)], ports: [tcp(ports.http)] },
      { to: [postgres.networkPeer], ports: [tcp(postgres.port)] },
      { to: [redis.networkPeer], ports: [tcp(redis.port)] },
      { to: [dns.networkPeer], ports: [{ protocol: 'UDP', port: dns.port }, tcp(dns.port)] },
    ],
  };
}
