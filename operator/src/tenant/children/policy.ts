import {
  agentServiceAccount,
  agentURL,
  canonicalJSON,
  documentKey,
  documentKinds,
  labels,
  namespaceOf,
  tenantObjectName,
  type TenantPolicy,
} from '@cloister/tenancy';
import { isOlder } from '../../agent/age.ts';
import { isScaledToZero } from '../../agent/scale.ts';
import { mostAgents } from '../../api/limits.ts';
import type { TenantSpec } from '../../api/tenant.ts';
import { child, type Child } from '../../child.ts';
import { configMaps, type AgentConfig } from '../../kinds.ts';
import { tenantLabels } from '../../labels.ts';
import { boundsOf } from '../agent-bounds.ts';
import { agentBudgetOf, downgradesOf } from '../agent-budget.ts';
import { cacheSecondsOf } from '../agent-cache.ts';
import type { Limits } from '../limits.ts';
import type { TenantSnapshot } from '../observe.ts';

const mebibyte = 1024 * 1024;

/** What edge and egress must enforce. None until the ServiceAccount is there: its UID is part of it. */
export function policyDocument(seen: TenantSnapshot): Child[] {
  const { name, configuration } = seen;
  const policy = tenantPolicyOf(seen);
  if (!policy) return [];
  return [
    child(configMaps, {
      metadata: {
        name: tenantObjectName(name),
        namespace: configuration.systemNamespace,
        labels: { ...tenantLabels(name), [labels.document]: documentKinds.policy },
      },
      data: { [documentKey]: canonicalJSON(policy) },
    }),
  ];
}

export function tenantPolicyOf({
  name,
  uid,
  spec,
  standing,
  host,
  hostTakenBy,
  agents,
  serviceAccountUID,
}: TenantSnapshot): TenantPolicy | undefined {
  if (serviceAccountUID === undefined) return undefined;
  const { limits, models } = standing;
  const archived = spec.state === 'Archived';
  // By age, so that a further agent never changes who answers. Beyond the highest quota none has ever run, so nothing need be said of it; a lower quota
  // of today may not be what those that serve were admitted by.
  const byAge = [...agents].sort((a, b) => (isOlder(a.metadata, b.metadata) ? -1 : 1)).slice(0, mostAgents);
  const entries = archived ? [] : byAge.map((agent) => agentEntry(name, agent, limits));
  return {
    tenant: name,
    uid,
    namespace: namespaceOf(name),
    state: spec.state,
    hosts: hostTakenBy === undefined && !archived ? [host] : [],
    agents: entries,
    defaultAgent: defaultAmong(entries, spec),
    ...(spec.trafficSplits?.length && !archived && { trafficSplits: spec.trafficSplits }),
    serviceAccounts: { [agentServiceAccount]: serviceAccountUID },
    models: [...models],
    ...(spec.providerKeys?.length && { ownKeys: spec.providerKeys.map(({ provider }) => provider).sort() }),
    ...(limits.egress.domains.length > 0 && { egress: { domains: [...limits.egress.domains], ports: [...limits.egress.ports] } }),
    ...(entries.some(({ cacheSeconds }) => cacheSeconds) && { cacheBytes: limits.responseCache.mebibytes * mebibyte }),
    rateLimits: limits.rateLimits,
    budget: limits.budget,
  };
}

const defaultAmong = (agents: TenantPolicy['agents'], { defaultAgent }: TenantSpec): string | undefined =>
  (defaultAgent === undefined ? agents[0] : agents.find(({ name }) => name === defaultAgent))?.name;

const agentEntry = (tenant: string, agent: AgentConfig, { budget, responseCache }: Limits): TenantPolicy['agents'][number] => ({
  name: agent.metadata.name,
  url: agentURL(tenant, agent.metadata.name),
  ...(isScaledToZero(agent.spec) && { scaledToZero: true }),
  budget: agentBudgetOf(agent),
  downgradeTo: downgradesOf(agent, budget),
  cacheSeconds: cacheSecondsOf(agent, responseCache),
  bounds: boundsOf(agent),
});
