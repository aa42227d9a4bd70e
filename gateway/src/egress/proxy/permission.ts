import { domainMatches, type TenantPolicy } from '@cloister/tenancy';
import { fail } from '../errors.ts';
import type { Authority } from './authority.ts';
import type { ApiError } from '@cloister/api-errors';

/** Why the tenant may not connect there. Nothing is allowed that is not listed. */
export function objectionTo({ host, port }: Authority, { tenant, egress }: TenantPolicy): ApiError | undefined {
  if (!egress?.domains.some((pattern) => domainMatches(pattern, host))) return fail('domain_not_allowed', { values: { tenant, host } });
  if (!egress.ports.includes(port)) return fail('port_not_allowed', { values: { tenant, port } });
  return undefined;
}
