import { namespaceOf, tenantSecrets } from '@cloister/tenancy';
import { base64, child, type Child } from '../../child.ts';
import { secrets } from '../../kinds.ts';
import { tenantLabels } from '../../labels.ts';
import type { TenantSnapshot } from '../observe.ts';

const secret = (tenant: string, name: string, key: string, value: string): Child =>
  child(secrets, {
    metadata: { name, namespace: namespaceOf(tenant), labels: tenantLabels(tenant) },
    type: 'Opaque',
    data: { [key]: base64(value) },
  });

/** API keys in clear, for the tenant's owners to hand out. */
export const apiKeySecrets = ({ name, apiKeys }: TenantSnapshot): Child[] =>
  apiKeys.map((entry) => secret(name, tenantSecrets.apiKey(entry.name), 'key', entry.key));

export const databaseSecret = (tenant: string, url: string): Child => secret(tenant, tenantSecrets.database, 'url', url);
export const redisSecret = (tenant: string, url: string): Child => secret(tenant, tenantSecrets.redis, 'url', url);
