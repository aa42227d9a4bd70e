/** What wakes a tenant, and what is done then. */
import { labels, namespaceOf, systemSecrets, tenantFinalizer } from '@cloister/tenancy';
import { controller, generationChanged, specChanged, type BaseObject, type Change, type Controller, type ObjectKey } from 'kube-runtime';
import { isDeepStrictEqual } from 'node:util';
import { isScaledToZero } from '../agent/scale.ts';
import { tenantClassSpec } from '../api/tenant-class.ts';
import { byHost, byIssuer } from '../caches.ts';
import { goesAtOnce } from '../class/choice.ts';
import { tenantsOfClass } from '../class/members.ts';
import { classOfRevision, revisionNameOf } from '../class/revisions.ts';
import * as kinds from '../kinds.ts';
import { everything, inTenantNamespaces, named, ofTenants } from '../scopes.ts';
import { publicKeysIn } from '../platform/identity-secret.ts';
import { boundsOf } from './agent-bounds.ts';
import { spendingOf } from './agent-budget.ts';
import { ownCacheSecondsOf } from './agent-cache.ts';
import { countsAgentConfigs, probeName } from './children/resource-quota.ts';
import { hostOf, issuersOf } from './claims.ts';
import { reconcileTenant, type TenantParts } from './reconcile.ts';
import { retirement } from './retire.ts';
import { stateReached } from './state-reached.ts';

/** All that a tenant has comes, and is changed, within moments: one look at it together is enough. */
const settleMs = 50;
const children = { ...ofTenants, label: labels.tenant, settleMs, priority: 'low', when: specChanged } as const;
/** Longest pause while Postgres or Redis is away: that soon after its return, tenants are Ready again. */
const maxBackoffMs = 30_000;

export function tenantController(parts: TenantParts): Controller {
  const { accounts, caches, configuration, usage } = parts;
  const { systemNamespace, postgres, redis } = configuration;
  const everyTenant = (): ObjectKey[] => caches.tenants.heads().map(({ name }) => ({ name }));
  return (
    controller('tenant')
      .for(kinds.tenants, { ...everything, when: specChanged })
      .watches(kinds.namespaceKind, tenantOfNamespace, everything)
      .watches(kinds.networkPolicies, ({ metadata }) => tenantNamed(metadata.namespace), { ...inTenantNamespaces, settleMs })
      .owns(kinds.resourceQuotas, children)
      .owns(kinds.limitRanges, children)
      .owns(kinds.serviceAccounts, children)
      .owns(kinds.roles, children)
      .owns(kinds.roleBindings, children)
      .owns(kinds.secrets, children)
      .owns(kinds.configMaps, children)
      .owns(kinds.ingresses, children)
      .watches(kinds.agentConfigs, ({ metadata }) => tenantNamed(metadata.namespace), { ...everything, when: comesGoesOrStops, settleMs })
      .watches(kinds.agentConfigs, ({ metadata }) => tenantNamed(metadata.namespace), { ...everything, when: policyChanged, settleMs })
      .watches(kinds.agentConfigs, ({ metadata }) => tenantNamed(metadata.namespace), {
        ...everything,
        when: readyChanged,
        priority: 'low',
      })
      // A tenant that is being deleted waits for them.
      .watches(kinds.pods, leaving, { ...ofTenants, when: ({ type }) => type === 'deleted' })
      .watches(kinds.tenantClasses, ({ metadata }) => tenantsOf(metadata.name), { ...everything, when: specChanged })
      // Those whom the new status of a class may move. A revision that comes late moves the same.
      .watches(kinds.tenantClasses, movable, { ...everything, when: waveChanged })
      .watches(kinds.controllerRevisions, (revision) => classOfRevision(revision).flatMap(movableOfClass), {
        namespace: systemNamespace,
        labelSelector: labels.tenantClass,
      })
      .watches(kinds.modelProviders, everyTenant, { ...everything, when: specChanged })
      .watches(kinds.resourceQuotas, everyTenant, { ...named(systemNamespace, probeName), when: countChanged })
      .watches(kinds.tenants, (tenant) => rivals(tenant), { ...everything, when: specChanged })
      .watches(kinds.secrets, everyTenant, { ...named(systemNamespace, systemSecrets.edgeIdentity), when: publicKeysChanged })
      .watches(kinds.secrets, everyTenant, { ...named(systemNamespace, systemSecrets.agentsAuthority), when: signerChanged })
      .watches(kinds.secrets, everyTenant, named(systemNamespace, postgres.adminSecret.name))
      .watches(kinds.secrets, everyTenant, named(systemNamespace, redis.adminSecret.name))
      .wokenBy((wake) => accounts.onDrift((name) => wake({ name })), { priority: 'low' })
      .wokenBy((wake) => usage.onChange((name) => wake({ name })), { priority: 'low' })
      .concurrency(configuration.concurrency)
      .maxBackoff(maxBackoffMs)
      .finalizer(tenantFinalizer, retirement(parts))
      .reconcile((context) => reconcileTenant(context, parts))
  );

  function leaving({ metadata }: BaseObject): ObjectKey[] {
    return tenantNamed(metadata.namespace).filter((key) => caches.tenants.get(key)?.metadata.deletionTimestamp !== undefined);
  }

  /** All that may be of this class: who names none may get it as default. */
  function tenantsOf(name: string): ObjectKey[] {
    return tenantsOfClass(caches, name, true).map((tenant) => ({ name: tenant.name }));
  }

  function movableOfClass(name: string): ObjectKey[] {
    const tenantClass = caches.tenantClasses.get({ name });
    return tenantClass ? movable(tenantClass) : [];
  }

  function movable({ metadata, spec, status }: kinds.TenantClass): ObjectKey[] {
    const parsed = tenantClassSpec.safeParse(spec).data;
    if (!parsed || goesAtOnce({ spec: parsed, status }, revisionNameOf(metadata.name, parsed))) return tenantsOf(metadata.name);
    const inWave = new Set(status?.rollout?.tenants);
    return tenantsOfClass(caches, metadata.name, true)
      .filter(({ name, revision, pin }) => inWave.has(name) || revision === undefined || pin !== undefined)
      .map(({ name }) => ({ name }));
  }

  /** Those who want what this one has, and may get it when it goes. */
  function rivals(tenant: kinds.Tenant): ObjectKey[] {
    const sharing = [
      ...caches.tenants.byIndex(byHost, hostOf(tenant, configuration.ingress.baseDomain)),
      ...issuersOf(tenant).flatMap((key) => caches.tenants.byIndex(byIssuer, key)),
    ];
    return sharing.filter((other) => other.metadata.name !== tenant.metadata.name).map(({ metadata }) => ({ name: metadata.name }));
  }
}

const prefix = namespaceOf('');

const tenantNamed = (namespace: string | undefined): ObjectKey[] =>
  namespace?.startsWith(prefix) ? [{ name: namespace.slice(prefix.length) }] : [];

/** By name: a namespace that is in a tenant's way bears no label of ours. */
const tenantOfNamespace = ({ metadata }: BaseObject): ObjectKey[] => tenantNamed(metadata.name);

const publicKeysChanged = ({ object, previous }: Change<kinds.Secret>): boolean =>
  !isDeepStrictEqual(publicKeysIn(object), publicKeysIn(previous));

const signerChanged = ({ object, previous }: Change<kinds.Secret>): boolean =>
  object.data?.['signer.pem'] !== previous?.data?.['signer.pem'];

const countChanged = ({ type, object, previous }: Change<kinds.ResourceQuota>): boolean =>
  type !== 'updated' || previous === undefined || countsAgentConfigs(object) !== countsAgentConfigs(previous);

const waveChanged = ({ object, previous }: Change<kinds.TenantClass>): boolean => waveOf(object) !== waveOf(previous);
const waveOf = (tenantClass: kinds.TenantClass | undefined): string => {
  const { wantedRevision, currentRevision, rollout } = tenantClass?.status ?? {};
  return JSON.stringify([wantedRevision, currentRevision, rollout?.wave, rollout?.stopped]);
};

/** What an agent is to do is none of its tenant's business, but edge must hear of one that is to have no pod. */
const comesGoesOrStops = ({ type, object, previous }: Change<kinds.AgentConfig>): boolean =>
  type !== 'updated' ||
  object.metadata.deletionTimestamp !== previous?.metadata.deletionTimestamp ||
  isScaledToZero(object.spec) !== isScaledToZero(previous?.spec);

/** The tenant's policy says what its agents may spend, and on which models when that runs out; which answers they may have again; what they may ask. */
const policyChanged = (change: Change<kinds.AgentConfig>): boolean =>
  change.type === 'updated' && generationChanged(change) && !isDeepStrictEqual(policyOf(change.object), policyOf(change.previous));
const policyOf = (agent: kinds.AgentConfig | undefined) => agent && [spendingOf(agent), ownCacheSecondsOf(agent), boundsOf(agent)];

/** Replicas come and go; the tenant cares whether an agent is as its state wants it. */
const readyChanged = ({ object, previous }: Change<kinds.AgentConfig>): boolean =>
  stateReached(object) !== (previous && stateReached(previous));
