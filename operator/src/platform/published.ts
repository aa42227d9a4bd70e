import { annotations, canonicalJSON, namespaceOf, tenantConfigMaps, type EdgeKey } from '@cloister/tenancy';
import type { Caches } from '../caches.ts';
import { edgeKeysFile } from '../tenant/identity.ts';

/**
 * Since when the agents of all tenants are given exactly these keys; undefined while one is not. A tenant that is being deleted holds up nobody:
 * its agents end first.
 */
export function publishedSince(keys: readonly EdgeKey[], { tenants, configMaps, pods }: Caches): Date | undefined {
  const text = canonicalJSON({ keys });
  let since = 0;
  for (const { metadata } of tenants.list()) {
    if (metadata.deletionTimestamp) continue;
    const namespace = namespaceOf(metadata.name);
    const given = configMaps.get({ namespace, name: tenantConfigMaps.edgeIdentity });
    if (!given && pods.heads(namespace).length === 0) continue;
    if (given?.data?.[edgeKeysFile] !== text) return undefined;
    since = Math.max(since, Date.parse(given.metadata.annotations?.[annotations.madeAt] ?? '') || 0);
  }
  return new Date(since);
}
