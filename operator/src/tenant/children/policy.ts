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
import { child, type Child } from '../../child.ts';
import { configMaps } from '../../kinds.ts';
import { tenantLabels } from '../../labels.ts';
import type { TenantSnapshot } from '../observe.ts';

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
  // By age, so that a further agent never changes who answers.
  const byAge = [...agents].sort((a, b) => (ageKey(a) < ageKey(b) ? -1 : 1)).map((agent) => agent.metadata.name);
  const defaultAgent = byAge.find((agent) => agent === spec.defaultAgent) ?? (spec.defaultAgent === undefined ? byAge[0] : undefined);
  return {
    tenant: name,
    uid,
    namespace: namespaceOf(name),
    state: spec.state,
    hosts: hostTakenBy === undefined && !archived ? [host] : [],
    agents: archived ? [] : byAge.map((agent) => ({ name: agent, url: agentURL(name, agent) })),
    defaultAgent: archived ? undefined : defaultAgent,
    serviceAccounts: { [agentServiceAccount]: serviceAccountUID },
    models: [...models],
    rateLimits: limits.rateLimits,
    budget: { ...limits.budget },
  };
}

const ageKey = ({ metadata }: TenantSnapshot['agents'][number]): string => `${metadata.creationTimestamp ?? ''} ${metadata.name}`;
