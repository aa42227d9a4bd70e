import { group, namespaceOf, tenantSecrets } from '@cloister/tenancy';
import { child, type Child } from '../../child.ts';
import { roleBindings, roles } from '../../kinds.ts';
import { tenantLabels } from '../../labels.ts';
import type { TenantSnapshot } from '../observe.ts';

type RoleName = TenantSnapshot['spec']['owners'][number]['role'];
const names: readonly RoleName[] = ['owner', 'editor', 'viewer'];
const roleName = (role: RoleName): string => `cloister-${role}`;

/**
 * What owners, editors and viewers may do in the tenant's namespace. None may change what holds the tenant in (quota, policies, roles),
 * run pods of their own, enter pods, or read the credentials of Postgres and Redis.
 */
export const tenantRoles = (seen: TenantSnapshot): Child[] =>
  names.map((role) =>
    child(roles, {
      metadata: { name: roleName(role), namespace: namespaceOf(seen.name), labels: tenantLabels(seen.name) },
      rules: rulesOf(role, seen),
    }),
  );

/** One binding per role that has a subject; the others are removed. */
export const tenantRoleBindings = ({ name, spec }: TenantSnapshot): Child[] =>
  names.flatMap((role) => {
    const owners = spec.owners.filter((owner) => owner.role === role);
    if (owners.length === 0) return [];
    return child(roleBindings, {
      metadata: { name: roleName(role), namespace: namespaceOf(name), labels: tenantLabels(name) },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: roleName(role) },
      subjects: owners.map(subject),
    });
  });

function subject(owner: TenantSnapshot['spec']['owners'][number]): Readonly<Record<string, string>> {
  const { kind, name, namespace } = owner;
  if (kind === 'ServiceAccount') return { kind, name, namespace: namespace ?? '' };
  return { apiGroup: 'rbac.authorization.k8s.io', kind, name };
}

function rulesOf(role: RoleName, { apiKeys }: TenantSnapshot): object[] {
  const look = ['get', 'list', 'watch'];
  const viewer = [
    { apiGroups: [group], resources: ['agentconfigs'], verbs: look },
    { apiGroups: [''], resources: ['pods', 'events', 'resourcequotas', 'limitranges'], verbs: look },
    { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
    { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: look },
  ];
  if (role === 'viewer') return viewer;
  const editor = [
    ...viewer,
    { apiGroups: [group], resources: ['agentconfigs'], verbs: ['create', 'update', 'patch', 'delete'] },
    { apiGroups: [group], resources: ['agentconfigs/scale'], verbs: ['get', 'update', 'patch'] },
  ];
  if (role === 'editor' || apiKeys.length === 0) return editor;
  // By name: a right to list Secrets would show the credentials of Postgres and Redis as well.
  const keys = apiKeys.map((entry) => tenantSecrets.apiKey(entry.name));
  return [...editor, { apiGroups: [''], resources: ['secrets'], resourceNames: keys, verbs: ['get'] }];
}
