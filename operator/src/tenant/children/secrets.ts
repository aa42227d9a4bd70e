import { namespaceOf, tenantSecrets } from '@cloister/tenancy';
import { base64, child, type Child } from '../../child.ts';
import { secrets } from '../../kinds.ts';
import { tenantLabels } from '../../labels.ts';
import { annotationsOf } from '../../rotation/credential.ts';
import type { Rotation } from '../../rotation/rotate.ts';
import type { TenantSnapshot } from '../observe.ts';

const secret = (tenant: string, name: string, key: string, value: string, annotations?: Readonly<Record<string, string>>): Child =>
  child(secrets, {
    metadata: { name, namespace: namespaceOf(tenant), labels: tenantLabels(tenant), annotations },
    type: 'Opaque',
    data: { [key]: base64(value) },
  });

/** API keys in clear, for the tenant's owners to hand out. */
export const apiKeySecrets = ({ name, apiKeys }: TenantSnapshot): Child[] =>
  apiKeys.map((entry) => secret(name, tenantSecrets.apiKey(entry.name), 'key', entry.key));

/** What agents' pods mount to reach Postgres or Redis. */
export const credentialSecret = (tenant: string, name: string, { url, credential }: Rotation): Child =>
  secret(tenant, name, 'url', url, annotationsOf(credential));
