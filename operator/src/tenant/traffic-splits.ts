import { namespaceOf, type TrafficSplit } from '@cloister/tenancy';
import { isScaledToZero } from '../agent/scale.ts';
import type { TenantStatus } from '../api/tenant.ts';
import type { TenantFinding } from './checks.ts';
import type { TenantSnapshot } from './observe.ts';

/** The shares by which edge goes, as long as it reaches those who have one. */
export function sharesOf({ spec, agents }: TenantSnapshot): TenantStatus['trafficSplits'] {
  const running = new Set(agents.filter((agent) => !isScaledToZero(agent.spec)).map((agent) => agent.metadata.name));
  return spec.trafficSplits?.map((split) => {
    const weightOf = ({ name, weight }: TrafficSplit['agents'][number]) => (running.has(name) ? weight : 0);
    const sum = split.agents.reduce((total, agent) => total + weightOf(agent), 0);
    const percentOf = (weight: number) => (sum === 0 ? 0 : Math.round((weight / sum) * 10_000) / 100);
    return { name: split.name, agents: split.agents.map((agent) => ({ name: agent.name, percent: percentOf(weightOf(agent)) })) };
  });
}

/** Agents come after their tenant; until the first one is there, nothing is wrong. */
export function splitsHaveTheirAgents({ name, spec, agents }: TenantSnapshot): TenantFinding[] {
  if (agents.length === 0) return [];
  const known = new Set(agents.map((agent) => agent.metadata.name));
  return (spec.trafficSplits ?? []).flatMap((split) => {
    const sharing = split.agents.filter(({ weight }) => weight > 0).map((agent) => agent.name);
    const missing = sharing.filter((agent) => !known.has(agent)).map((agent) => `"${agent}"`);
    if (missing.length === 0) return [];
    const meanwhile = missing.length < sharing.length ? 'the others answer instead' : 'its callers get 503';
    const message = `spec.trafficSplits has "${split.name}" answered by ${missing.join(', ')}, no AgentConfig in namespace "${namespaceOf(name)}", so ${meanwhile}; create it or name another`;
    return [{ condition: 'AgentsReady', reason: 'AgentNotFound', message, blocks: false }];
  });
}
