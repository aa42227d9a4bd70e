import { namespaceOf } from '@cloister/tenancy';
import { isTrue, type Condition } from 'kube-runtime';
import type { TenantSpec, TenantStatus } from '../api/tenant.ts';
import type { Tenant } from '../kinds.ts';
import { serves, judge, type Judgement } from '../status/conditions.ts';
import { blocking } from '../status/finding.ts';
import { parts, warnings, widenings, type Part, type TenantFinding } from './checks.ts';
import type { TenantSnapshot } from './observe.ts';
import type { Standing } from './standing.ts';
import { sharesOf } from './traffic-splits.ts';

/** What is known only where it was brought about. Agents, and policies that open more, are looked at in any case. */
const partsBroughtAbout = parts.filter((part) => part !== 'AgentsReady');

interface TenantOutcome {
  readonly findings: readonly TenantFinding[];
  readonly credentials?: TenantStatus['credentials'];
  /** What was not looked at although no finding blocks. */
  readonly unseen?: readonly Part[] | undefined;
}

export function tenantStatusOf(seen: TenantSnapshot, { findings, credentials, unseen = [] }: TenantOutcome, now: Date): TenantStatus {
  const { tenant, name, standing, agents } = seen;
  const revision = revisionTold(tenant, standing);
  const conditions = judge({
    ...judgementOf(tenant, findings, now),
    unseen: blocking(findings) ? partsBroughtAbout : unseen,
    absent: seen.namespace === undefined,
    good: good(seen),
  });
  return {
    observedGeneration: tenant.metadata.generation,
    namespace: namespaceOf(name),
    endpoint: endpointOf(seen),
    class: standing.className,
    classRevision: revision,
    classRevisionTime: movedAt(tenant, revision, now),
    classSeen: classSeen(tenant, standing, revision),
    agents: agents.length,
    agentsReady: agents.filter((agent) => serves(agent.status?.conditions)).length,
    trafficSplits: sharesOf(seen),
    isolation: isolationOf(conditions),
    // What could not be looked at is as it was.
    credentials: credentials || tenant.status?.credentials ? { ...tenant.status?.credentials, ...credentials } : undefined,
    usage: seen.usage,
    conditions,
  };
}

/** For one look: the conditions that it sums up have two polarities. */
function isolationOf(conditions: readonly Condition[]): TenantStatus['isolation'] {
  const are = (type: Part) => isTrue(conditions, type);
  if (!are('NamespaceReady') || !are('NetworkIsolated')) return 'Pending';
  return widenings.some(are) ? 'Widened' : 'Closed';
}

/** Caches that are behind may not know the revision either; the tenant is on it all the same. */
const revisionTold = ({ status }: Tenant, { tenantClass, classIsBehind }: Standing): string | undefined =>
  tenantClass?.revision ?? (classIsBehind ? status?.classRevision : undefined);

/** Noted when the tenant comes to a revision: an edit of the class that moves nobody is no reason to write to all its tenants. */
function classSeen({ status }: Tenant, standing: Standing, revision: string | undefined): TenantStatus['classSeen'] {
  const before = status?.classSeen;
  const stays = revision === status?.classRevision && (before === undefined || before.uid === standing.classSeen?.uid);
  return stays || revision === undefined ? before : standing.classSeen;
}

/** Set when a tenant comes from another revision, kept while it stays. */
function movedAt({ status }: Tenant, revision: string | undefined, now: Date): string | undefined {
  const before = status?.classRevision;
  if (revision === before) return status?.classRevisionTime;
  return before === undefined || revision === undefined ? undefined : `${now.toISOString().slice(0, 19)}Z`;
}

/** For a tenant of which no more than this is known: its spec does not parse, or it is on its way out. */
export function bareStatus(tenant: Tenant, findings: readonly TenantFinding[], now: Date): TenantStatus {
  const conditions = judge({ ...judgementOf(tenant, findings, now), unseen: [...parts, ...warnings], good: {} });
  return {
    ...tenant.status,
    observedGeneration: tenant.metadata.generation,
    isolation: isolationOf(conditions),
    conditions,
  };
}

const judgementOf = (tenant: Tenant, findings: readonly TenantFinding[], now: Date) =>
  ({ object: tenant, previous: tenant.status?.conditions, findings, parts, warnings, advisory: ['ModelsReady'], now }) as const;

const endpointOf = ({ spec, host, hostTakenBy, configuration: { ingress } }: TenantSnapshot): string | undefined =>
  hostTakenBy === undefined && spec.state !== 'Archived' ? `${ingress.tlsSecretName ? 'https' : 'http'}://${host}` : undefined;

function good(seen: TenantSnapshot): Judgement<Part>['good'] {
  const { name, spec, standing, agents } = seen;
  const count = agents.length === 1 ? '1 agent' : `${agents.length} agents`;
  const archived = spec.state === 'Archived';
  return {
    Ready: standstill(spec.state) ?? { reason: 'Ready', message: `${count} at ${endpointOf(seen) ?? 'no endpoint'}` },
    NamespaceReady: { reason: 'Ready', message: `namespace "${namespaceOf(name)}" is there` },
    QuotaReady: { reason: 'Ready', message: `quota and limits of class "${standing.className ?? ''}" apply, revision ${revisionOf(seen)}` },
    NetworkIsolated: { reason: 'Ready', message: 'everything is closed but what agents need' },
    EgressWidened: { reason: 'Closed', message: 'no other policy lets agents reach more' },
    IngressWidened: { reason: 'Closed', message: 'no other policy lets more reach agents' },
    BudgetExceeded: { reason: 'WithinBudget', message: 'calls are not refused for what they cost' },
    CredentialsReady: { reason: 'Ready', message: 'keys, roles and service account are there' },
    DataReady: archived
      ? { reason: 'Archived', message: 'the schema in Postgres is kept; nobody can log in' }
      : { reason: 'Ready', message: 'own schema in Postgres, own prefix in Redis' },
    EndpointReady: archived
      ? { reason: 'Archived', message: 'there is no way in' }
      : { reason: 'Ready', message: `reached at ${endpointOf(seen) ?? 'no endpoint'}` },
    ModelsReady: { reason: 'Ready', message: `${standing.models.length} models may be used` },
    AgentsReady:
      agents.length === 0 ? { reason: 'NoAgents', message: 'no AgentConfig yet' } : { reason: 'Ready', message: `${count} serving` },
  };
}

function revisionOf({ spec, standing }: TenantSnapshot): string {
  const revision = standing.tenantClass?.revision ?? 'unknown';
  return spec.classRef?.revision === revision ? `${revision}, to which spec.classRef.revision pins the tenant` : revision;
}

function standstill(state: TenantSpec['state']): Judgement<Part>['good']['Ready'] {
  if (state === 'Suspended') return { reason: 'Suspended', message: 'spec.state is Suspended: nothing runs; data and keys are kept' };
  if (state === 'Archived')
    return { reason: 'Archived', message: 'spec.state is Archived: nothing runs and nobody gets in; data and keys are kept' };
  return undefined;
}
