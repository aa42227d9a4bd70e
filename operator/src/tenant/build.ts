/** Makes what a tenant has in Kubernetes, its namespace and its data apart, and removes what it is not to have any more. */
import type { BaseObject, ReconcileContext } from 'kube-runtime';
import { serviceAccounts, type Tenant } from '../kinds.ts';
import { together } from '../together.ts';
import type { Child } from '../child.ts';
import { applyChildren, nothingApplied, removeSurplus, type Applying } from './apply.ts';
import { tenantRoleBindings, tenantRoles } from './children/roles.ts';
import type { TenantSnapshot } from './observe.ts';
import { completion, groundwork, surplus, thereAlready, wantedOf } from './plan.ts';

/**
 * Each part as soon as what it needs is there, since an API server at work takes its time: of a Role, half a second at ten tenants a second, because
 * it reads all that the operator may do anew for each.
 * Where the walls do not stand nobody is let in, but whoever was let in before is held to what the spec says now: keys that are revoked are refused.
 * `grounded`: false where the namespace is on its way out. Then nothing is made; Secrets that are not wanted are removed.
 */
export async function build(context: ReconcileContext<Tenant>, seen: TenantSnapshot, grounded: boolean): Promise<Applying> {
  const made = grounded ? await buildAll(context, seen) : [nothingApplied];
  const applied = made.flatMap((part) => part.applied);
  const unremoved = await removeSurplus(context, surplus(seen, wantedOf(withAccount(seen, applied))));
  return {
    findings: made.flatMap(({ findings }) => findings),
    error: made.find(({ error }) => error)?.error ?? unremoved,
    applied,
    stands: made.every(({ stands }) => stands),
  };
}

function buildAll(context: ReconcileContext<Tenant>, seen: TenantSnapshot): Promise<Applying[]> {
  const walls = applyChildren(context, groundwork(seen));
  const roles = applyChildren(context, tenantRoles(seen));
  const opened = ({ stands }: Applying, ways: readonly Child[]) => applyChildren(context, stands ? ways : thereAlready(seen, ways));
  const completed = walls.then((ground) => opened(ground, completion(withAccount(seen, ground.applied))));
  const bound = together([walls, roles]).then(([ground]) => opened(ground, tenantRoleBindings(seen)));
  return together([walls, roles, completed, bound]);
}

/** Its ServiceAccount may have been made a moment ago. */
function withAccount(seen: TenantSnapshot, applied: readonly BaseObject[]): TenantSnapshot {
  const made = applied.find(({ kind }) => kind === serviceAccounts.kind);
  return { ...seen, serviceAccountUID: made?.metadata.uid ?? seen.serviceAccountUID };
}
