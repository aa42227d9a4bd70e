/** What wakes an agent, and what is done then. */
import { labels, namespaceOf, tenantConfigMaps } from '@cloister/tenancy';
import { controller, specChanged, type BaseObject, type Change, type Controller, type ObjectKey } from 'kube-runtime';
import * as kinds from '../kinds.ts';
import { everything, inTenantNamespaces, ofTenants } from '../scopes.ts';
import { reconcileAgent, type AgentParts } from './reconcile.ts';

/**
 * A rollout, and a tenant that is being set up, change a dozen objects within moments. Each of them would be told in a status of its own:
 * they are told together.
 */
const settleMs = 100;
const reports = { ...ofTenants, settleMs, priority: 'low' } as const;

export function agentController(parts: AgentParts): Controller {
  const { caches, configuration } = parts;
  const keys = (agents: readonly kinds.AgentConfig[]): ObjectKey[] => agents.map(({ metadata }) => metadata);
  const everyAgent = () => keys(caches.agentConfigs.list());
  const agentsIn = (namespace: string | undefined) => keys(caches.agentConfigs.list(namespace));
  return (
    controller('agent')
      .for(kinds.agentConfigs, { ...everything, when: specChanged })
      // One that goes makes room for another.
      .watches(kinds.agentConfigs, ({ metadata }) => agentsIn(metadata.namespace), {
        ...everything,
        when: ({ type }) => type === 'deleted',
      })
      .owns(kinds.configMaps, reports)
      .owns(kinds.services, reports)
      .owns(kinds.deployments, reports)
      .owns(kinds.podDisruptionBudgets, { ...reports, when: specChanged })
      .owns(kinds.horizontalPodAutoscalers, { ...reports, when: specChanged })
      .watches(kinds.pods, agentOfPod, reports)
      .watches(kinds.tenants, ({ metadata }) => agentsIn(namespaceOf(metadata.name)), { ...everything, when: tenantMatters })
      .watches(kinds.namespaceKind, ({ metadata }) => agentsIn(metadata.name), { ...everything, when: specChanged })
      // What must be there before an agent: its tenant's walls, account and credentials.
      .watches(kinds.networkPolicies, ({ metadata }) => agentsIn(metadata.namespace), { ...inTenantNamespaces, when: isOurs, settleMs })
      .watches(kinds.serviceAccounts, ({ metadata }) => agentsIn(metadata.namespace), { ...ofTenants, settleMs })
      .watches(kinds.secrets, ({ metadata }) => agentsIn(metadata.namespace), { ...ofTenants, settleMs })
      .watches(kinds.configMaps, ({ metadata }) => agentsIn(metadata.namespace), { ...ofTenants, when: edgeKeysCame })
      .watches(kinds.modelProviders, everyAgent, { ...everything, when: specChanged })
      .concurrency(configuration.concurrency)
      // A tenant whose agents are many, or edited all the time, delays no other tenant.
      .fairness(({ namespace }) => namespace ?? '')
      .maxBackoff(60_000)
      .reconcile((context) => reconcileAgent(context, parts))
  );
}

function agentOfPod({ metadata }: BaseObject): ObjectKey[] {
  const name = metadata.labels?.[labels.agent];
  return name === undefined ? [] : [{ name, namespace: metadata.namespace }];
}

const isOurs = ({ object }: Change<BaseObject>): boolean => object.metadata.labels?.[labels.tenant] !== undefined;

/** Their content is followed by the pods themselves. */
const edgeKeysCame = ({ object, type }: Change<kinds.ConfigMap>): boolean =>
  object.metadata.name === tenantConfigMaps.edgeIdentity && type !== 'updated';

/** Of a tenant's status: the endpoint, which its agents show, and the revision of the class, which they follow. */
const tenantMatters = (change: Change<kinds.Tenant>): boolean => specChanged(change) || digest(change.object) !== digest(change.previous);
const digest = (tenant: kinds.Tenant | undefined): string => JSON.stringify([tenant?.status?.endpoint, tenant?.status?.classRevision]);
