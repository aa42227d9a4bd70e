/** Which objects are cached. One scope per kind, so that everybody who asks for a kind shares one watch. */
import { labels } from '@cloister/tenancy';
import type { CacheScope } from 'kube-runtime';

/** Objects of any tenant, in any namespace. */
export const ofTenants: CacheScope = { labelSelector: labels.tenant };

/** One object by its name: also the narrowest right to watch that RBAC can express. */
export const named = (namespace: string, name: string): CacheScope => ({ namespace, fieldSelector: `metadata.name=${name}` });

export const everything: CacheScope = {};
