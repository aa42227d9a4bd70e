/** The tenants of a class, as far as a rollout looks at them. */
import { namespaceOf } from '@cloister/tenancy';
import { findCondition } from 'kube-runtime';
import type { LabelSelector } from '../api/fields.ts';
import type { Caches } from '../caches.ts';
import type { AgentConfig, Tenant } from '../kinds.ts';
import { isReady } from '../status/conditions.ts';
import { parseTenantSpec } from '../tenant/claims.ts';
import { canSelect } from '../selector.ts';
import type { Member } from './waves.ts';

/** Index of the tenants, by the class that they name; by nothing where they leave it to the default. */
export const byClass = 'class';
export const namedClassOf = (tenant: Tenant): string[] => {
  const spec = parseTenantSpec(tenant).data;
  return spec ? [spec.classRef?.name ?? ''] : [];
};

/** Index of the tenants, by the revisions that they are on or pinned to. */
export const byRevision = 'revision';
export const revisionsInUse = (tenant: Tenant): string[] => {
  const revisions = [tenant.status?.classRevision, pinOf(tenant)];
  return [...new Set(revisions.flatMap((revision) => revision ?? []))];
};

export const pinOf = (tenant: Tenant): string | undefined => parseTenantSpec(tenant).data?.classRef?.revision;

/** What a class looks at in each of its tenants, kept beside the cached Tenant: a class of thousands looks several times a second. */
export interface Membership {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly leaving: boolean;
  /** The revision that it is pinned to. */
  readonly pin: string | undefined;
  readonly archived: boolean;
  readonly revision: string | undefined;
  /** As in {@link Member}. */
  readonly movedAt: number | undefined;
  readonly ready: boolean;
  readonly readyChangedAt: number;
}

export function membershipOf(tenant: Tenant): Membership {
  const { metadata, status } = tenant;
  const spec = parseTenantSpec(tenant).data;
  const ready = findCondition(status?.conditions, 'Ready');
  return {
    name: metadata.name,
    labels: metadata.labels,
    leaving: metadata.deletionTimestamp !== undefined,
    pin: spec?.classRef?.revision,
    archived: spec?.state === 'Archived',
    revision: status?.classRevision,
    movedAt: status?.classRevisionTime === undefined ? undefined : Date.parse(status.classRevisionTime),
    ready: isReady(status?.conditions) && status?.observedGeneration === metadata.generation,
    readyChangedAt: ready ? Date.parse(ready.lastTransitionTime) : 0,
  };
}

export const tenantsOfClass = ({ tenants, memberships }: Caches, name: string, isDefault: boolean): Membership[] =>
  [...tenants.headsByIndex(byClass, name), ...(isDefault ? tenants.headsByIndex(byClass, '') : [])].flatMap(
    (tenant) => memberships(tenant) ?? [],
  );

export interface MemberParts {
  readonly caches: Caches;
  readonly canary: LabelSelector | undefined;
  /** Whose agents matter: to look at those of everybody would cost too much. */
  readonly inWave: ReadonlySet<string>;
}

export const memberOf = (tenant: Membership, { caches, canary, inWave }: MemberParts): Member => ({
  ...tenant,
  canary: canary !== undefined && canSelect(canary, tenant.labels ?? {}),
  settled: !inWave.has(tenant.name) || hasSettled(tenant, caches.agentConfigs.list(namespaceOf(tenant.name))),
});

/**
 * Agents of an archived tenant follow no class. One that is not Ready keeps the wave waiting, also one that never will be: its tenant says so
 * a moment later, and until then the tenant's own Ready is about the revision before.
 */
export const hasSettled = ({ archived, revision }: Pick<Membership, 'archived' | 'revision'>, agents: readonly AgentConfig[]): boolean =>
  archived ||
  agents.every(
    ({ metadata, status }) =>
      metadata.deletionTimestamp !== undefined ||
      (status?.classRevision === revision && status?.observedGeneration === metadata.generation && isReady(status?.conditions)),
  );
