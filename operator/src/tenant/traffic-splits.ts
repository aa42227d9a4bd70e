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

/**
 * One that is missing while others answer is no finding, and shows in the shares: a Tenant that waits for it to be Ready would be waited for by
 * whoever applies agents after their tenants. Until the first agent is there, nothing is wrong either.
 */
export function splitsAreAnswered({ name, spec, agents }: TenantSnapshot): TenantFinding[] {
  if (agents.length === 0) return [];
  const known = new Set(agents.map((agent) => agent.metadata.name));
  return (spec.trafficSplits ?? []).flatMap((split) => {
    const sharing = split.agents.filter(({ weight }) => weight > 0).map((agent) => agent.name);
    if (sharing.some((agent) => known.has(agent))) return [];
    const missing = sharing.map((agent) => `"${agent}"`).join(', ');
    const message = `spec.trafficSplits has "${split.name}" answered by ${missing}, no AgentConfig in namespace "${namespaceOf(name)}", so its callers get 503; create it or name another`;
    return [{ condition: 'AgentsReady', reason: 'AgentNotFound', message, blocks: false }];
  });
}
