import { tenantObjectName } from '@cloister/tenancy';
import type { BaseObject, Informer } from 'kube-runtime';
import type { Policies } from '../../../directory/directory.ts';
import { standsThere } from '../../../directory/stands-there.ts';
import type { Administration } from './administration.ts';

/** Where tenants' policies stand, and what was read there. */
export interface PoliciesKnown {
  readonly documents: Pick<Informer<BaseObject>, 'head'>;
  readonly policies: Policies;
  readonly namespace: string;
}

/** Notes that tenants are gone which went while no replica looked. Only once all documents are known. Rejects where the store is away. */
export const noteGoneTenants = (administration: Administration, { documents, policies, namespace }: PoliciesKnown): Promise<void> =>
  administration.noteGone('policy', 'operator', ({ tenant, tenantUid }) =>
    standsThere(documents, { at: { name: tenantObjectName(tenant), namespace }, tenantUid }, policies.byTenant(tenant)),
  );
