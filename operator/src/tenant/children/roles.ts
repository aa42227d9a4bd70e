import { namespaceOf, tenantSecrets } from '@cloister/tenancy';
import { child, type Child } from '../../child.ts';
import { roleBindings, roles } from '../../kinds.ts';
import { tenantLabels } from '../../labels.ts';
import type { TenantSnapshot } from '../observe.ts';
import { secretsOfOwners } from '../provider-keys.ts';
import { rightsOf, roleNames, type Named, type RoleName } from '../role-table.ts';

const roleName = (role: RoleName): string => `cloister-${role}`;

type Owner = TenantSnapshot['spec']['owners'][number];

/**
 * What owners, editors and viewers may do in the tenant's namespace, by the table of rights. Each role while somebody has it: the API server
 * reads all that the operator may do anew for every one that is written.
 */
export const tenantRoles = (seen: TenantSnapshot): Child[] =>
  taken(seen).map(({ role }) =>
    child(roles, {
      metadata: { name: roleName(role), namespace: namespaceOf(seen.name), labels: tenantLabels(seen.name) },
      rules: rulesOf(role, seen),
    }),
  );

export const tenantRoleBindings = (seen: TenantSnapshot): Child[] =>
  taken(seen).map(({ role, owners }) =>
    child(roleBindings, {
      metadata: { name: roleName(role), namespace: namespaceOf(seen.name), labels: tenantLabels(seen.name) },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: roleName(role) },
      subjects: owners.map(subject),
    }),
  );

const taken = ({ spec }: TenantSnapshot): { readonly role: RoleName; readonly owners: readonly Owner[] }[] =>
  roleNames.map((role) => ({ role, owners: spec.owners.filter((owner) => owner.role === role) })).filter(({ owners }) => owners.length > 0);

function subject(owner: Owner): Readonly<Record<string, string>> {
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
