/** What wakes an agent, and what is done then. */
import { labels, namespaceOf, tenantConfigMaps } from '@cloister/tenancy';
import { controller, generationChanged, specChanged, type BaseObject, type Change, type Controller } from 'kube-runtime';
import { isJudged } from '../api/conditions.ts';
import { agentLabelled } from '../caches.ts';
import * as kinds from '../kinds.ts';
import { everything, inTenantNamespaces, ofTenants } from '../scopes.ts';
import { Arrivals } from './arrivals.ts';
import { agentGone } from './gone.ts';
import { reconcileAgent, type AgentParts } from './reconcile.ts';
import { RolloutPace } from './rollout-pace.ts';
import { Room } from './room.ts';

/**
 * A rollout, and a tenant that is being set up, change a dozen objects within moments. Each of them would be told in a status of its own:
 * they are told together.
 */
const settleMs = 100;
const reports = { ...ofTenants, settleMs, priority: 'low' } as const;
/** By label, too: what has lost its owner must wake somebody. */
const children = { ...reports, label: labels.agent } as const;

/** Index of the agents of which nothing was told yet, all of them under this one value. */
const newAgents = 'new';

export function agentController({ caches, configuration }: Pick<AgentParts, 'caches' | 'configuration'>): Controller {
  const everyAgent = () => caches.agentConfigs.heads();
  const agentsIn = (namespace: string | undefined) => caches.agentConfigs.heads(namespace);
  const arrivals = new Arrivals();
  caches.tenants.onChange(arrivals.note);
  caches.agentConfigs.addIndex(newAgents, (agent) => (isJudged(agent) ? [] : [newAgents]));
  const agentsInLine = () => (arrivals.none ? caches.agentConfigs.headsByIndex(newAgents, newAgents) : []);
  const room = new Room();
  const parts = { caches, configuration, pace: new RolloutPace(configuration.tenantRollouts), arrivals, room };
  return (
    controller('agent')
      .for(kinds.agentConfigs, { ...everything, when: generationChanged })
      // One that goes makes room for another.
      .watches(kinds.agentConfigs, ({ metadata }) => room.waitingIn(metadata.namespace), {
        ...everything,
        when: ({ type }) => type === 'deleted',
      })
      .owns(kinds.configMaps, children)
      .owns(kinds.services, children)
      .owns(kinds.deployments, children)
      .owns(kinds.podDisruptionBudgets, { ...children, when: specChanged })
      .owns(kinds.horizontalPodAutoscalers, { ...children, when: specChanged })
      .watches(kinds.pods, ({ metadata }) => agentLabelled(metadata), reports)
      .watches(kinds.tenants, ({ metadata }) => [...agentsIn(namespaceOf(metadata.name)), ...agentsInLine()], {
        ...everything,
        when: tenantMatters,
      })
      .watches(kinds.namespaceKind, ({ metadata }) => agentsIn(metadata.name), { ...everything, when: specChanged })
      // What must be there before an agent: its tenant's walls, quota, account and credentials.
      .watches(kinds.networkPolicies, ({ metadata }) => agentsIn(metadata.namespace), { ...inTenantNamespaces, when: isOurs, settleMs })
      .watches(kinds.resourceQuotas, ({ metadata }) => agentsIn(metadata.namespace), { ...ofTenants, when: comesOrGoes })
      .watches(kinds.serviceAccounts, ({ metadata }) => agentsIn(metadata.namespace), { ...ofTenants, settleMs })
      .watches(kinds.secrets, ({ metadata }) => agentsIn(metadata.namespace), { ...ofTenants, settleMs })
      .watches(kinds.configMaps, ({ metadata }) => agentsIn(metadata.namespace), { ...ofTenants, when: edgeKeysCame })
      .watches(kinds.modelProviders, everyAgent, { ...everything, when: specChanged })
      .concurrency(configuration.concurrency)
      // A tenant whose agents are many, or edited all the time, delays no other tenant.
      .fairness(({ namespace }) => namespace ?? '')
      .maxBackoff(60_000)
      .gone(agentGone(caches, room))
      .reconcile((context) => reconcileAgent(context, parts))
  );
}

const isOurs = ({ object }: Change<BaseObject>): boolean => object.metadata.labels?.[labels.tenant] !== undefined;

const comesOrGoes = ({ type }: Change<BaseObject>): boolean => type !== 'updated';

/** Their content is followed by the pods themselves. */
const edgeKeysCame = (change: Change<kinds.ConfigMap>): boolean =>
  change.object.metadata.name === tenantConfigMaps.edgeIdentity && comesOrGoes(change);

/** Of a tenant's status: whether there is one, which its first agents wait for; the endpoint, which they show; the revision of the class, which they follow. */
const tenantMatters = (change: Change<kinds.Tenant>): boolean => specChanged(change) || digest(change.object) !== digest(change.previous);
const digest = (tenant: kinds.Tenant | undefined): string =>
  JSON.stringify([tenant && isJudged(tenant), tenant?.status?.endpoint, tenant?.status?.classRevision]);
