import { namespaceOf, tenantSecrets } from '@cloister/tenancy';
import { child, type Child } from '../../child.ts';
import { roleBindings, roles } from '../../kinds.ts';
import { tenantLabels } from '../../labels.ts';
import type { TenantSnapshot } from '../observe.ts';
import { secretsOfOwners } from '../provider-keys.ts';
import { rightsOf, roleNames, type Named, type RoleName } from '../role-table.ts';

const roleName = (role: RoleName): string => `cloister-${role}`;

/** What owners, editors and viewers may do in the tenant's namespace, by the table of rights. */
export const tenantRoles = (seen: TenantSnapshot): Child[] =>
  roleNames.map((role) =>
    child(roles, {
      metadata: { name: roleName(role), namespace: namespaceOf(seen.name), labels: tenantLabels(seen.name) },
      rules: rulesOf(role, seen),
    }),
  );

/** One binding per role that has a subject; the others are removed. */
export const tenantRoleBindings = ({ name, spec }: TenantSnapshot): Child[] =>
  roleNames.flatMap((role) => {
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

function rulesOf(role: RoleName, { apiKeys, spec }: TenantSnapshot): object[] {
  const named: Readonly<Record<Named, readonly string[]>> = {
    'API keys': apiKeys.map((entry) => tenantSecrets.apiKey(entry.name)),
    'keys for model providers': secretsOfOwners(spec),
  };
  return rightsOf(role).flatMap(({ apiGroup, resources, verbs, only }) => {
    if (only && named[only].length === 0) return []; // without names it would be all of them
    return { apiGroups: [apiGroup], resources: [...resources], ...(only && { resourceNames: [...named[only]] }), verbs: [...verbs] };
  });
}
