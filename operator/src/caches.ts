/** Every cache of the operator, made once and shared by its controllers. */
import { labels, systemSecrets, tenantSecrets } from '@cloister/tenancy';
import {
  controllerOf,
  keyOf,
  type BaseObject,
  type Cluster,
  type Informer,
  type KubeObject,
  type ObjectKey,
  type ObjectMeta,
  type Projection,
} from 'kube-runtime';
import { deploymentLostBy, lostBy, orphaned } from './agent/orphaned.ts';
import { byClass, byRevision, membershipOf, namedClassOf, revisionsInUse, type Membership } from './class/members.ts';
import { classOfRevision, revisionsByClass } from './class/revisions.ts';
import type {
  AgentConfig,
  ConfigMap,
  ControllerRevision,
  Deployment,
  ModelProvider,
  Namespace,
  NetworkPolicy,
  Pod,
  ResourceQuota,
  Secret,
  Tenant,
  TenantClass,
} from './kinds.ts';
import * as kinds from './kinds.ts';
import { urlIn } from './rotation/holders.ts';
import { everything, inTenantNamespaces, named, ofTenants } from './scopes.ts';
import type { Configuration } from './settings.ts';
import { countsAgentConfigs, probeName } from './tenant/children/resource-quota.ts';
import { hostOf, issuersOf } from './tenant/claims.ts';

export interface Caches {
  readonly tenants: Informer<Tenant>;
  readonly memberships: Projection<Membership>;
  readonly agentConfigs: Informer<AgentConfig>;
  readonly tenantClasses: Informer<TenantClass>;
  /** Revisions of the TenantClasses. */
  readonly classRevisions: Informer<ControllerRevision>;
  readonly modelProviders: Informer<ModelProvider>;
  readonly namespaces: Informer<Namespace>;
  /** Whose a namespace is, by its label. */
  readonly tenantsOfNamespaces: Projection<string | undefined>;
  readonly secrets: Informer<Secret>;
  /** What stands in the Secrets of a tenant's logins. */
  readonly credentialURLs: Projection<string | undefined>;
  readonly configMaps: Informer<ConfigMap>;
  /** UIDs of their controllers. */
  readonly configMapOwners: Projection<string | undefined>;
  readonly serviceAccounts: Informer<KubeObject>;
  readonly resourceQuotas: Informer<ResourceQuota>;
  /** Whether the quota of this key counts AgentConfigs. Of the operator's own namespace alone. */
  readonly agentConfigsCounted: Projection<boolean>;
  readonly roles: Informer<KubeObject>;
  readonly roleBindings: Informer<KubeObject>;
  /** Those of others too: they could open what ours close. */
  readonly networkPolicies: Informer<NetworkPolicy>;
  /** Whether a NetworkPolicy bears the label of a tenant. */
  readonly walls: Projection<boolean>;
  readonly ingresses: Informer<KubeObject>;
  readonly services: Informer<KubeObject>;
  readonly deployments: Informer<Deployment>;
  readonly podDisruptionBudgets: Informer<KubeObject>;
  readonly horizontalPodAutoscalers: Informer<KubeObject>;
  readonly pods: Informer<Pod>;
  /** Names alone of the Secrets in the providers' namespace. */
  readonly credentials: Informer<Secret>;
  readonly edgeIdentity: Informer<Secret>;
  /** Of Cloister's own parts, by name. */
  readonly platformSecrets: ReadonlyMap<string, Informer<Secret>>;
  readonly postgresAdmin: Informer<Secret>;
  readonly redisAdmin: Informer<Secret>;
}

/** Indexes of the tenants: what only one of them may have. */
export const byHost = 'host';
export const byIssuer = 'issuer';
/** Index of pods and ConfigMaps: the agent that they were made for, as namespace/name. */
export const byAgent = 'agent';

export function openCaches(cluster: Cluster, { systemNamespace, providersNamespace, ingress, postgres, redis }: Configuration): Caches {
  const secretNamed = (name: string) => cluster.informer(kinds.secrets, named(systemNamespace, name));
  const tenants = cluster.informer(kinds.tenants, everything);
  tenants.addIndex(byHost, (tenant) => [hostOf(tenant, ingress.baseDomain)]);
  tenants.addIndex(byIssuer, issuersOf);
  tenants.addIndex(byClass, namedClassOf);
  tenants.addIndex(byRevision, revisionsInUse);
  const classRevisions = cluster.informer(kinds.controllerRevisions, { namespace: systemNamespace, labelSelector: labels.tenantClass });
  classRevisions.addIndex(revisionsByClass, classOfRevision);
  const configMaps = cluster.informer(kinds.configMaps, ofTenants);
  configMaps.addIndex(byAgent, agentOwning);
  const services = cluster.informer(kinds.services, ofTenants);
  const deployments = cluster.informer(kinds.deployments, ofTenants);
  deployments.addIndex(orphaned, deploymentLostBy);
  const podDisruptionBudgets = cluster.informer(kinds.podDisruptionBudgets, ofTenants);
  const horizontalPodAutoscalers = cluster.informer(kinds.horizontalPodAutoscalers, ofTenants);
  for (const made of [configMaps, services, podDisruptionBudgets, horizontalPodAutoscalers]) made.addIndex(orphaned, lostBy);
  const pods = cluster.informer(kinds.pods, ofTenants);
  pods.addIndex(byAgent, ({ metadata }) => agentLabelled(metadata).map(keyOf));
  const namespaces = cluster.informer(kinds.namespaceKind, everything);
  const secrets = cluster.informer(kinds.secrets, ofTenants);
  const networkPolicies = cluster.informer(kinds.networkPolicies, inTenantNamespaces);
  return {
    tenants,
    memberships: tenants.project(membershipOf),
    agentConfigs: cluster.informer(kinds.agentConfigs, everything),
    tenantClasses: cluster.informer(kinds.tenantClasses, everything),
    classRevisions,
    modelProviders: cluster.informer(kinds.modelProviders, everything),
    namespaces,
    tenantsOfNamespaces: namespaces.project(({ metadata }) => metadata.labels?.[labels.tenant]),
    secrets,
    credentialURLs: secrets.project((secret) => (isLogin(secret) ? urlIn(secret) : undefined)),
    configMaps,
    configMapOwners: configMaps.project((configMap) => controllerOf(configMap)?.uid),
    serviceAccounts: cluster.informer(kinds.serviceAccounts, ofTenants),
    resourceQuotas: cluster.informer(kinds.resourceQuotas, ofTenants),
    agentConfigsCounted: cluster.informer(kinds.resourceQuotas, named(systemNamespace, probeName)).project(countsAgentConfigs),
    roles: cluster.informer(kinds.roles, ofTenants),
    roleBindings: cluster.informer(kinds.roleBindings, ofTenants),
    networkPolicies,
    walls: networkPolicies.project(({ metadata }) => metadata.labels?.[labels.tenant] !== undefined),
    ingresses: cluster.informer(kinds.ingresses, ofTenants),
    services,
    deployments,
    podDisruptionBudgets,
    horizontalPodAutoscalers,
    pods,
    credentials: cluster.informer(kinds.secrets, { namespace: providersNamespace, metadataOnly: true }),
    edgeIdentity: secretNamed(systemSecrets.edgeIdentity),
    platformSecrets: new Map(Object.values(systemSecrets).map((name) => [name, secretNamed(name)])),
    postgresAdmin: secretNamed(postgres.adminSecret.name),
    redisAdmin: secretNamed(redis.adminSecret.name),
  };
}

const isLogin = ({ metadata: { name } }: Secret): boolean => name === tenantSecrets.database || name === tenantSecrets.redis;

/** The agent whose pod this is, by its label. */
export function agentLabelled({ labels: given, namespace }: ObjectMeta): ObjectKey[] {
  const name = given?.[labels.agent];
  return name === undefined ? [] : [{ name, namespace }];
}

const agentOwning = ({ metadata: { ownerReferences = [], namespace } }: BaseObject): string[] =>
  ownerReferences
    .filter(({ controller, kind }) => controller && kind === kinds.agentConfigs.kind)
    .map(({ name }) => keyOf({ name, namespace }));
