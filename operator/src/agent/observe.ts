/** Gathers everything that a decision about one agent needs. All of it is cached: nothing here is lost by a stale look. */
import { agentServiceAccount, namespaceOf, sslModeIn, tenantConfigMaps, tenantSecrets, verifies } from '@cloister/tenancy';
import { isControlledBy, keyOf, type Head, type KubeObject } from 'kube-runtime';
import type { AgentConfigSpec } from '../api/agent-config.ts';
import type { TenantSpec } from '../api/tenant.ts';
import { byAgent, type Caches } from '../caches.ts';
import type { AgentConfig, Deployment, Pod, Tenant } from '../kinds.ts';
import type { Configuration } from '../settings.ts';
import { credentialsOf } from '../rotation/holders.ts';
import { parseTenantSpec } from '../tenant/claims.ts';
import { policyNames } from '../tenant/children/network-policies.ts';
import { quotaName } from '../tenant/children/resource-quota.ts';
import { standingWorld } from '../tenant/observe.ts';
import { recordedStandingOf, type Standing } from '../tenant/standing.ts';
import { isOlder } from './age.ts';
import { lostBy, orphaned } from './orphaned.ts';

export interface Landlord {
  readonly tenant: Tenant;
  readonly name: string;
  readonly spec: TenantSpec;
  readonly standing: Standing;
}

export const isSuspended = (landlord: Landlord | undefined): boolean => landlord?.spec.state === 'Suspended';

export interface AgentSnapshot {
  readonly agent: AgentConfig;
  readonly name: string;
  readonly namespace: string;
  readonly spec: AgentConfigSpec;
  readonly configuration: Configuration;
  /** The tenant in whose namespace the agent stands. */
  readonly landlord: Landlord | undefined;
  /** How many AgentConfigs of the tenant are older. */
  readonly older: number;
  /** What must be there before a pod may start and is not, in words. */
  readonly awaited: readonly string[];
  /** Changes when the credentials do, so that pods are replaced. */
  readonly credentials: string;
  /** Whether the database's Secret holds the authorities by which Postgres is known. */
  readonly hasAuthorities: boolean;
  readonly deployment: Deployment | undefined;
  readonly service: KubeObject | undefined;
  readonly disruptionBudget: KubeObject | undefined;
  readonly autoscaler: KubeObject | undefined;
  readonly pods: readonly Pod[];
  readonly documents: readonly Head[];
}

export interface AgentWorld {
  readonly caches: Caches;
  readonly configuration: Configuration;
  readonly landlord: Landlord | undefined;
}

export function observeAgent(agent: AgentConfig, spec: AgentConfigSpec, { caches, configuration, landlord }: AgentWorld): AgentSnapshot {
  const { name, namespace = '' } = agent.metadata;
  const database = caches.credentialURLs({ namespace, name: tenantSecrets.database });
  const redis = caches.credentialURLs({ namespace, name: tenantSecrets.redis });
  const wall = (policy: string) => caches.walls({ namespace, name: policy }) ?? false;
  const key = keyOf(agent.metadata);
  // What an earlier one of its name has left to nobody is this one's.
  const own = (object: KubeObject | undefined) =>
    object && (isControlledBy(object, agent) || lostBy(object).includes(key)) ? object : undefined;
  return {
    agent,
    name,
    namespace,
    spec,
    configuration,
    landlord,
    older: caches.agentConfigs.heads(namespace).filter((other) => isOlder(other, agent.metadata)).length,
    awaited: [
      ...(wall(policyNames.deny) && wall(policyNames.agents) ? [] : ['the network policies']),
      ...(caches.resourceQuotas.head({ namespace, name: quotaName }) ? [] : ['the quota']),
      ...(caches.serviceAccounts.head({ namespace, name: agentServiceAccount }) ? [] : ['the ServiceAccount']),
      ...(caches.secrets.head({ namespace, name: tenantSecrets.database }) ? [] : ['the database credentials']),
      ...(caches.secrets.head({ namespace, name: tenantSecrets.redis }) ? [] : ['the Redis credentials']),
      ...(caches.secrets.head({ namespace, name: tenantSecrets.serving }) ? [] : ['the serving certificate']),
      ...(caches.configMaps.head({ namespace, name: tenantConfigMaps.edgeIdentity }) ? [] : ["edge's keys"]),
    ],
    credentials: credentialsOf(database, redis),
    hasAuthorities: verifies(sslModeIn(database)),
    deployment: caches.deployments.get({ namespace, name }),
    service: own(caches.services.get({ namespace, name })),
    disruptionBudget: own(caches.podDisruptionBudgets.get({ namespace, name })),
    autoscaler: own(caches.horizontalPodAutoscalers.get({ namespace, name })),
    pods: caches.pods.byIndex(byAgent, key),
    documents: [...documentsOf(agent, caches).own, ...caches.configMaps.headsByIndex(orphaned, key)],
  };
}

/** The ConfigMaps that were made for an agent, and for an earlier one of its name. */
export function documentsOf(
  { metadata }: AgentConfig,
  { configMaps, configMapOwners }: Caches,
): { readonly own: Head[]; readonly left: Head[] } {
  const { own = [], left = [] } = Object.groupBy(configMaps.headsByIndex(byAgent, keyOf(metadata)), (document) =>
    configMapOwners(document) === metadata.uid ? 'own' : 'left',
  );
  return { own, left };
}

/** By the namespace's label, not its name: the label is what the tenant's own reconcile has put there, or an administrator. */
export function landlordOf(namespace: string, caches: Caches): Landlord | undefined {
  const name = caches.tenantsOfNamespaces({ name: namespace });
  if (name === undefined || namespaceOf(name) !== namespace) return undefined;
  const tenant = caches.tenants.get({ name });
  const spec = tenant && parseTenantSpec(tenant).data;
  if (!tenant || !spec) return undefined;
  return { tenant, name, spec, standing: recordedStandingOf({ tenant, spec }, standingWorld(caches)) };
}
