import { tenantObjectName } from '@cloister/tenancy';
import type { Policies } from '../../../directory/directory.ts';
import { isGone, type Documents } from '../../../directory/is-gone.ts';
import type { Administration } from './administration.ts';

/** Where tenants' policies stand, and what was read there. */
export interface PoliciesKnown extends Documents {
  readonly policies: Policies;
  readonly namespace: string;
}

/** Notes that tenants are gone which went while no replica looked. Only once all documents are known. Rejects where store or API server is away. */
export const noteGoneTenants = (administration: Administration, { policies, namespace, ...documents }: PoliciesKnown): Promise<void> =>
  administration.noteGone('policy', 'operator', ({ tenant, tenantUid }) =>
    isGone({ at: { name: tenantObjectName(tenant), namespace }, tenantUid }, documents, policies.byTenant(tenant)),
  );
