/** Writes children and says of each failure which part of the tenant it concerns. */
import type { ReconcileContext } from 'kube-runtime';
import type { Child } from '../child.ts';
import type { Tenant } from '../kinds.ts';
import { refusalOf } from '../status/refusal.ts';
import { together } from '../together.ts';
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

/**
 * Stage by stage; what is of one stage is written at the same time. A child that fails does not hold up the next, except where nothing can
 * follow: the namespace and its walls come first.
 */
export async function applyChildren(context: ReconcileContext<Tenant>, stages: readonly (readonly Child[])[]): Promise<Outcome> {
  const failures: Failure[] = [];
  for (const stage of stages) {
    const outcomes = await together(stage.map((child) => applyChild(context, child)));
    failures.push(...outcomes.filter((outcome) => typeof outcome === 'object'));
    if (outcomes.some((outcome, index) => outcome !== 'there' && isGround(stage[index]))) break;
  }
  return { findings: failures.map(({ finding }) => finding), error: failures[0]?.error };
}

interface Failure {
  readonly finding: TenantFinding;
  readonly error: Error;
}

async function applyChild(
  context: ReconcileContext<Tenant>,
  { kind, desired, owned = true, adopt = true, basedOn }: Child,
): Promise<'there' | 'terminating' | Failure> {
  try {
    const { outcome } = await context.apply(kind, desired, {
      owned,
      ...(owned ? { adopt } : {}),
      ...(basedOn !== undefined && { basedOn }),
    });
    return outcome === 'terminating' ? outcome : 'there';
  } catch (error) {
    const refusal = refusalOf(error, kind.kind);
    const { reason, message } = refusal;
    return { finding: { condition: partOfKind[kind.kind] ?? 'CredentialsReady', reason, message, blocks: false }, error: refusal.error };
  }
}

const isGround = (child: Child | undefined): boolean => child?.kind.kind === 'Namespace' || child?.kind.kind === 'NetworkPolicy';

/** What the spec wants no more. Refused by the server where the object is not the one that was seen; then the next run looks again. */
export async function removeSurplus({ cluster, signal }: ReconcileContext<Tenant>, surplus: readonly Removable[]): Promise<void> {
  for (const { kind, object } of surplus) await cluster.delete(kind, object, { signal });
}
