/** The tenants of a class, as far as a rollout looks at them. */
import { namespaceOf } from '@cloister/tenancy';
import { findCondition } from 'kube-runtime';
import type { LabelSelector } from '../api/fields.ts';
import type { Caches } from '../caches.ts';
import type { AgentConfig, Tenant } from '../kinds.ts';
import { isReady } from '../status/conditions.ts';
import { parseTenantSpec } from '../tenant/claims.ts';
import { selects } from './selector.ts';
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

export const tenantsOfClass = ({ tenants }: Caches, name: string, isDefault: boolean): Tenant[] => [
  ...tenants.byIndex(byClass, name),
  ...(isDefault ? tenants.byIndex(byClass, '') : []),
];

export interface MemberParts {
  readonly caches: Caches;
  readonly canary: LabelSelector | undefined;
  /** Whose agents matter: to look at those of everybody would cost too much. */
  readonly inWave: ReadonlySet<string>;
}

export function memberOf(tenant: Tenant, { caches, canary, inWave }: MemberParts): Member {
  const { metadata, status } = tenant;
  const ready = findCondition(status?.conditions, 'Ready');
  return {
    name: metadata.name,
    canary: canary !== undefined && selects(canary, metadata.labels),
    revision: status?.classRevision,
    movedAt: status?.classRevisionTime === undefined ? undefined : Date.parse(status.classRevisionTime),
    ready: isReady(status?.conditions) && status?.observedGeneration === metadata.generation,
    readyChangedAt: ready ? Date.parse(ready.lastTransitionTime) : 0,
    settled: !inWave.has(metadata.name) || hasSettled(tenant, caches.agentConfigs.list(namespaceOf(metadata.name))),
  };
}

/**
 * Agents of an archived tenant follow no class. One that is not Ready keeps the wave waiting, also one that never will be: its tenant says so
 * a moment later, and until then the tenant's own Ready is about the revision before.
 */
export const hasSettled = (tenant: Tenant, agents: readonly AgentConfig[]): boolean =>
  parseTenantSpec(tenant).data?.state === 'Archived' ||
  agents.every(
    ({ metadata, status }) =>
      metadata.deletionTimestamp !== undefined ||
      (status?.classRevision === tenant.status?.classRevision &&
        status?.observedGeneration === metadata.generation &&
        isReady(status?.conditions)),
  );
