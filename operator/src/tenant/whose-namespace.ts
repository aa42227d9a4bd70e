import { labels } from '@cloister/tenancy';
import { controllerOf, isControlledBy } from 'kube-runtime';
import type { Namespace, Tenant } from '../kinds.ts';

/** Made for the tenant, or lent to it by its label. */
export const isTenants = (namespace: Namespace, tenant: Tenant): boolean =>
  isControlledBy(namespace, tenant) || (!controllerOf(namespace) && namespace.metadata.labels?.[labels.tenant] === tenant.metadata.name);
