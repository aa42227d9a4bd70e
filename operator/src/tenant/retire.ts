/**
 * Takes a deleted tenant apart, in an order in which nothing can be used that is half gone:
 * agents → data → ways in → namespace.
 *
 * Guarantees: every step may have been done before; the next begins only when the one before is over; what never was this tenant's
 * (a namespace, a schema of that name) is left alone; nothing of the tenant remains afterwards, in Kubernetes, Postgres or Redis, but for
 * role and schema in Postgres where spec.deletionPolicy is Retain.
 */
import type { EventNote, ReconcileContext, Result } from 'kube-runtime';
import type { Tenant } from '../kinds.ts';
import type { TenantParts } from './reconcile.ts';
import { bareStatus } from './status.ts';
import { closeWaysIn } from './retire/close-ways-in.ts';
import { dropData } from './retire/drop-data.ts';
import { removeNamespace } from './retire/remove-namespace.ts';
import { stopAgents } from './retire/stop-agents.ts';

export interface Retirement extends TenantParts {
  readonly tenant: Tenant;
  readonly context: ReconcileContext<Tenant>;
}

export interface Progress {
  /** What must still happen; undefined when the step is over. */
  readonly waitingFor?: string;
  /** What this run did, if it did anything. */
  readonly did?: EventNote;
}

export type Step = (retirement: Retirement) => Promise<Progress>;

const steps: readonly Step[] = [stopAgents, dropData, closeWaysIn, removeNamespace];
/** What is waited for (pods, a namespace) is watched; this is for what a watch cannot show, such as pods that lost their labels. */
const lookAgainMs = 2_000;

/**
 * How this operator retires tenants. It remembers whose namespace alone is left: Kubernetes empties that in dozens of changes, each of which wakes the
 * tenant, and the steps before need no second look until it is gone. Then all of them are taken once more.
 */
export function retirement(parts: TenantParts): (context: ReconcileContext<Tenant>) => Promise<Result> {
  const emptied = new Set<string>();
  return async (context) => {
    const { uid = '' } = context.object.metadata;
    for (const step of emptied.delete(uid) ? [removeNamespace, ...steps] : steps) {
      const { did, waitingFor } = await step({ ...parts, tenant: context.object, context });
      if (did) context.record(did);
      if (waitingFor === undefined) continue;
      if (step === removeNamespace) emptied.add(uid);
      const finding = { condition: 'NamespaceReady', reason: 'Deleting', message: `waiting for ${waitingFor}`, blocks: true } as const;
      await context.updateStatus(bareStatus(context.object, [finding], new Date()));
      return { requeueAfter: lookAgainMs };
    }
    return {};
  };
}
