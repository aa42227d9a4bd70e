/** Writes children and says of each failure which part of the tenant it concerns. */
import type { BaseObject, ReconcileContext } from 'kube-runtime';
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

export interface Applying extends Outcome {
  readonly applied: readonly BaseObject[];
  /** Nothing can follow where the namespace or its walls could not be made, or are on their way out. */
  readonly stands: boolean;
}

export const nothingApplied: Applying = { findings: [], error: undefined, applied: [], stands: false };

/** All at the same time: a child that fails does not hold up the others. */
export async function applyChildren(context: ReconcileContext<Tenant>, children: readonly Child[]): Promise<Applying> {
  const attempts = await together(children.map((child) => applyChild(context, child)));
  return {
    findings: attempts.flatMap(({ finding }) => finding ?? []),
    error: attempts.find(({ error }) => error)?.error,
    applied: attempts.flatMap(({ applied }) => applied ?? []),
    stands: !attempts.some(({ child, applied, terminating }) => isGround(child) && (!applied || terminating)),
  };
}

interface Attempt {
  readonly child: Child;
  readonly applied?: BaseObject;
  readonly terminating?: boolean;
  readonly finding?: TenantFinding;
  readonly error?: Error;
}

async function applyChild(context: ReconcileContext<Tenant>, child: Child): Promise<Attempt> {
  const { kind, desired, owned = true, adopt = true, basedOn } = child;
  try {
    const { object, outcome } = await context.apply(kind, desired, {
      owned,
      ...(owned ? { adopt } : {}),
      ...(basedOn !== undefined && { basedOn }),
    });
    return { child, applied: object, terminating: outcome === 'terminating' };
  } catch (error) {
    const { reason, message, error: cause } = refusalOf(error, kind.kind);
    return { child, finding: { condition: partOfKind[kind.kind] ?? 'CredentialsReady', reason, message, blocks: false }, error: cause };
  }
}

const isGround = ({ kind }: Child): boolean => kind.kind === 'Namespace' || kind.kind === 'NetworkPolicy';

/**
 * What the spec wants no more. Refused by the server where the object is not the one that was seen; then the next run looks again. One that is
 * refused holds up none of the others. Resolves with the first failure.
 */
export async function removeSurplus(
  { cluster, signal }: ReconcileContext<Tenant>,
  surplus: readonly Removable[],
): Promise<Error | undefined> {
  let first: Error | undefined;
  for (const { kind, object } of surplus)
    await cluster.delete(kind, object, { signal }).catch((error: unknown) => {
      first ??= refusalOf(error, kind.kind).error;
    });
  return first;
}
