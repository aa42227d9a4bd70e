import { canonicalJSON, documentKey, documentKinds, labels, tenantObjectName, type OwnKeys } from '@cloister/tenancy';
import { base64, child, type Child } from '../../child.ts';
import { secrets } from '../../kinds.ts';
import { tenantLabels } from '../../labels.ts';
import type { TenantSnapshot } from '../observe.ts';
import { usableProviderKeys } from '../provider-keys.ts';

/** Keys of the tenant's own with model providers, for egress alone. None where the tenant brings none. */
export function ownKeysDocument(seen: TenantSnapshot): Child[] {
  const { name, uid, providerKeys, configuration } = seen;
  if (providerKeys.length === 0) return [];
  const document: OwnKeys = { tenant: name, uid, keys: usableProviderKeys(seen) };
  return [
    child(secrets, {
      metadata: {
        name: tenantObjectName(name),
        namespace: configuration.ownKeysNamespace,
        labels: { ...tenantLabels(name), [labels.document]: documentKinds.ownKeys },
      },
      type: 'Opaque',
      data: { [documentKey]: base64(canonicalJSON(document)) },
    }),
  ];
}
