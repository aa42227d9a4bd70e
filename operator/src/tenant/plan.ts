import type { BaseObject, ObjectKey } from 'kube-runtime';
import type { Child } from '../child.ts';
import { accessDocument } from './children/access.ts';
import { edgeKeysConfigMap } from './children/edge-keys.ts';
import { ingress } from './children/ingress.ts';
import { limitRange } from './children/limit-range.ts';
import { namespaceChild } from './children/namespace.ts';
import { allowAgents, denyAll } from './children/network-policies.ts';
import { ownKeysDocument } from './children/own-keys.ts';
import { policyDocument } from './children/policy.ts';
import { resourceQuota } from './children/resource-quota.ts';
import { tenantRoleBindings, tenantRoles } from './children/roles.ts';
import { apiKeySecrets, servingSecret } from './children/secrets.ts';
import { serviceAccount } from './children/service-account.ts';
import type { Removable, TenantSnapshot } from './observe.ts';
import { tenantSecrets } from '@cloister/tenancy';

/**
 * What a tenant should have, in the order in which it is made: the namespace; in it the groundwork and the roles, side by side; once the groundwork
 * stands, the completion; once the roles are there too, their bindings.
 */
export const wantedOf = (seen: TenantSnapshot): Child[] => [
  namespaceChild(seen),
  ...groundwork(seen),
  ...tenantRoles(seen),
  ...completion(seen),
  ...tenantRoleBindings(seen),
];

/** What fences the namespace in, and the tenant's own keys. Nobody can do anything there yet: ways in come later, and agents see for themselves that the walls stand. */
export const groundwork = (seen: TenantSnapshot): Child[] => [
  denyAll(seen),
  allowAgents(seen),
  // Without a class nobody knows the limits; those in force stay.
  ...(seen.standing.tenantClass ? [limitRange(seen)] : []),
  serviceAccount(seen),
  ...edgeKeysConfigMap(seen),
  ...servingSecret(seen),
  ...apiKeySecrets(seen),
  // Before the policy that has egress use them.
  ...(isArchived(seen) ? [] : ownKeysDocument(seen)),
];

/**
 * What follows the groundwork: the quota, which the API server would have to count at each of the objects before; callers' ways in, and the
 * policy that knows the ServiceAccount. An archived tenant has no way in; its policy stays to say so, to edge before anything else and to
 * egress for pods that are still ending.
 */
export const completion = (seen: TenantSnapshot): Child[] => [
  ...(seen.standing.tenantClass ? [resourceQuota(seen)] : []),
  ...(isArchived(seen) ? [] : [accessDocument(seen)]),
  ...policyDocument(seen),
  ...(seen.hostTakenBy === undefined && !isArchived(seen) ? [ingress(seen)] : []),
];

const isArchived = ({ spec }: TenantSnapshot): boolean => spec.state === 'Archived';

/** Of these, ways in that were there when the tenant was looked at. */
export const thereAlready = ({ removable }: TenantSnapshot, children: readonly Child[]): Child[] =>
  children.filter(({ kind: of, desired: { metadata } }) =>
    removable.some(({ kind, object }) => of.kind === kind.kind && isNamedAs(metadata, object.metadata)),
  );

/** What was made for an earlier spec and is wanted no more: revoked API keys, roles that nobody has. */
export function surplus({ removable }: TenantSnapshot, wanted: readonly Child[]): Removable[] {
  const keep = new Set<string>([tenantSecrets.database, tenantSecrets.redis, tenantSecrets.serving]);
  const isWanted = ({ kind, object }: { readonly kind: Child['kind']; readonly object: BaseObject }) =>
    wanted.some(({ kind: of, desired: { metadata } }) => of.kind === kind.kind && isNamedAs(metadata, object.metadata));
  return removable.filter((one) => !isWanted(one) && !(one.kind.kind === 'Secret' && keep.has(one.object.metadata.name)));
}

/** In two of Cloister's own namespaces a tenant has a Secret of the same name. */
const isNamedAs = (one: ObjectKey, other: ObjectKey): boolean => one.name === other.name && one.namespace === other.namespace;
