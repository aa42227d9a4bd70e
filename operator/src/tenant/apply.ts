/** Writes children and says of each failure which part of the tenant it concerns. */
import type { ReconcileContext } from 'kube-runtime';
import type { Child } from '../child.ts';
import type { Tenant } from '../kinds.ts';
import { refusalOf } from '../status/refusal.ts';
import type { Part, TenantFinding } from './checks.ts';
import type { Removable } from './observe.ts';

export interface Outcome {
  readonly findings: readonly TenantFinding[];
  /** The first failure: thrown after the status has told of all of them, so that the run is tried again with growing pauses. */
  readonly error: Error | undefined;
}

const partOfKind: Readonly<Record<string, Part>> = {
  Namespace: 'NamespaceReady',
  ResourceQuota: 'QuotaReady',
  LimitRange: 'QuotaReady',
  NetworkPolicy: 'NetworkIsolated',
  Ingress: 'EndpointReady',
  ConfigMap: 'EndpointReady',
};

/** A child that fails does not hold up the next, except where nothing can follow: the namespace and its walls come first. */
export async function applyChildren(context: ReconcileContext<Tenant>, children: readonly Child[]): Promise<Outcome> {
  const findings: TenantFinding[] = [];
  const errors: Error[] = [];
  for (const { kind, desired, owned = true, adopt = true, basedOn } of children) {
    try {
      const { outcome } = await context.apply(kind, desired, {
        owned,
        ...(owned ? { adopt } : {}),
        ...(basedOn !== undefined && { basedOn }),
      });
      if (outcome === 'terminating' && kind.kind === 'Namespace') break;
    } catch (error) {
      const refusal = refusalOf(error, kind.kind);
      errors.push(refusal.error);
      findings.push({
        condition: partOfKind[kind.kind] ?? 'CredentialsReady',
        reason: refusal.reason,
        message: refusal.message,
        blocks: false,
      });
      if (kind.kind === 'Namespace' || kind.kind === 'NetworkPolicy') break;
    }
  }
  return { findings, error: errors[0] };
}

/** What the spec wants no more. Refused by the server where the object is not the one that was seen; then the next run looks again. */
export async function removeSurplus({ cluster, signal }: ReconcileContext<Tenant>, surplus: readonly Removable[]): Promise<void> {
  for (const { kind, object } of surplus) await cluster.delete(kind, object, { signal });
}
