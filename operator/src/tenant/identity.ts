/** The keys by which a tenant's agents know edge: what they are, and when they came. */
import { agentFiles, annotations, canonicalJSON, systemSecrets, tenantConfigMaps } from '@cloister/tenancy';
import { basename } from 'node:path/posix';
import type { Caches } from '../caches.ts';
import { publicKeysIn } from '../platform/identity-secret.ts';

/** Key of the ConfigMap. */
export const edgeKeysFile = basename(agentFiles.identity);

export interface PublishedKeys {
  readonly text: string;
  /** When they took the place of others in pods that were there; undefined where no pod may have others. */
  readonly since: string | undefined;
}

/** Undefined until edge has an identity. */
export function publishedKeys(
  namespace: string,
  { systemNamespace, now }: { readonly systemNamespace: string; readonly now: Date },
  { edgeIdentity, configMaps, pods }: Caches,
): PublishedKeys | undefined {
  const keys = publicKeysIn(edgeIdentity.get({ namespace: systemNamespace, name: systemSecrets.edgeIdentity }));
  if (!keys) return undefined;
  const text = canonicalJSON(keys);
  const there = configMaps.get({ namespace, name: tenantConfigMaps.edgeIdentity });
  if (there?.data?.[edgeKeysFile] === text) return { text, since: there.metadata.annotations?.[annotations.madeAt] };
  const followed = there !== undefined || pods.heads(namespace).length > 0;
  return { text, since: followed ? now.toISOString() : undefined };
}
