import { findCondition, isTrue } from 'kube-runtime';
import type { TenantSpec } from '../api/tenant.ts';
import type { AgentConfig } from '../kinds.ts';
import { serves } from '../status/conditions.ts';

/**
 * The state of its Tenant that an agent has come to, by its own conditions; undefined while it has come to none. A Tenant's state is no part of an
 * agent's generation, so what an agent was told before the state changed must not count for the state after.
 */
export function stateReached({ status }: AgentConfig): TenantSpec['state'] | undefined {
  const ready = findCondition(status?.conditions, 'Ready');
  if (ready?.status === 'True' && (ready.reason === 'Suspended' || ready.reason === 'Archived')) return ready.reason;
  if (serves(status?.conditions)) return 'Active';
  // One that cannot be configured never says so by Ready; but it runs nothing either.
  return isTrue(status?.conditions, 'Stalled') && status?.replicas === 0 ? 'Suspended' : undefined;
}
