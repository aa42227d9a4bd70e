/** Which objects are cached. One scope per kind, so that everybody who asks for a kind shares one watch. */
import { labels, namespaceOf } from '@cloister/tenancy';
import type { CacheScope } from 'kube-runtime';

/** Objects of any tenant, in any namespace. */
export const ofTenants: CacheScope = { labelSelector: labels.tenant };

/**
 * Objects in tenants' namespaces, whoever made them. Told by the namespace's name, since one that is in the way bears no label of ours; what stands
 * in other namespaces is read and dropped, so that a cluster full of other teams' objects costs no memory.
 */
export const inTenantNamespaces: CacheScope = { namespacePrefix: namespaceOf('') };

/** One object by its name: also the narrowest right to watch that RBAC can express. */
export const named = (namespace: string, name: string): CacheScope => ({ namespace, fieldSelector: `metadata.name=${name}` });

export const everything: CacheScope = {};
