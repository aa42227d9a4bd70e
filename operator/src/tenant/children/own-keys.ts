import {
  canonicalJSON,
  documentKey,
  DocumentError,
  documentKinds,
  labels,
  ownKeys,
  parseDocument,
  tenantObjectName,
  type OwnKeys,
} from '@cloister/tenancy';
import { base64, child, fromBase64, versionOf, type Child } from '../../child.ts';
import { secrets, type Secret } from '../../kinds.ts';
import { tenantLabels } from '../../labels.ts';
import type { TenantSnapshot } from '../observe.ts';
import { usableProviderKeys, type OwnKeysSeen } from '../provider-keys.ts';

/** Keys of the tenant's own with model providers, for egress alone. None where the tenant brings none. */
export function ownKeysDocument(seen: TenantSnapshot): Child[] {
  return seen.providerKeys.length === 0 ? [] : [documentOf(seen, usableProviderKeys(seen))];
}

/**
 * While the spec cannot be followed, or not even read: of the providers that egress has keys for, those whose keys are still there, as they
 * are now. None is added, since the policy in force is of an earlier spec; but a Secret that was taken away or edited is no part of the spec.
 */
export function remainingOwnKeys(seen: OwnKeysSeen): Child[] {
  const { toldOwnKeys: told } = seen;
  if (!told) return [];
  const known = providersIn(told);
  const keys = Object.entries(usableProviderKeys(seen)).filter(([provider]) => known.includes(provider));
  // a cache that is behind would take out what was told a moment ago
  return [{ ...documentOf(seen, Object.fromEntries(keys)), basedOn: versionOf(told) }];
}

/** None where somebody has spoilt it: egress has none then, either. */
function providersIn({ metadata, data }: Secret): string[] {
  try {
    return Object.keys(parseDocument(ownKeys, metadata.name, fromBase64(data?.[documentKey])).keys);
  } catch (error) {
    if (error instanceof DocumentError) return [];
    throw error;
  }
}

function documentOf({ name, uid, configuration }: Pick<OwnKeysSeen, 'name' | 'uid' | 'configuration'>, keys: OwnKeys['keys']): Child {
  const document: OwnKeys = { tenant: name, uid, keys };
  return child(secrets, {
    metadata: {
      name: tenantObjectName(name),
      namespace: configuration.ownKeysNamespace,
      labels: { ...tenantLabels(name), [labels.document]: documentKinds.ownKeys },
    },
    type: 'Opaque',
    data: { [documentKey]: base64(canonicalJSON(document)) },
  });
}
