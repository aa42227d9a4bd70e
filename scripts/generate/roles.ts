/** The page of the tenants' roles, from the table that makes them. */
import { rights, roleNames, type RoleName } from '../../operator/src/tenant/role-table.ts';

const may = (role: RoleName, least: RoleName): string => (roleNames.indexOf(role) >= roleNames.indexOf(least) ? 'yes' : '');

export function rolesPage(): string {
  const rows = rights.map(({ role: least, apiGroup, resources, verbs, only, why }) => {
    const what = `${resources.map((resource) => `\`${resource}\``).join(', ')}${only ? ` (${only} alone, by name)` : ''}`;
    return `| ${apiGroup === '' ? '""' : apiGroup} | ${what} | ${verbs.join(' ')} | ${roleNames.map((role) => may(role, least)).join(' | ')} | ${why} |`;
  });
  return [
    '<!-- Generated from operator/src/tenant/role-table.ts by "npm run generate". -->',
    '# Roles of a tenant',
    'Who is listed in `spec.owners` of a Tenant has one of these roles in its namespace, and nothing anywhere else. The operator makes them as Roles ' +
      '`cloister-viewer`, `cloister-editor` and `cloister-owner`, each while somebody has it.',
    [
      `| apiGroup | resources | verbs | ${roleNames.join(' | ')} | why |`,
      `|---|---|---|${roleNames.map(() => '---|').join('')}---|`,
      ...rows,
    ].join('\n'),
    'Everything else is refused, among it whatever holds the tenant in: quota, policies, roles, pods of its own, a shell in a pod, the credentials of Postgres ' +
      'and Redis. `operator/src/tenant/roles.cluster.test.ts` asks an API server about each resource and verb. What a tenant can do that was given more is in ' +
      '[isolation](../isolation.md).',
  ]
    .join('\n\n')
    .concat('\n');
}
