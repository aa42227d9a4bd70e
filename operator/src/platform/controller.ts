/**
 * What Cloister's own parts need and no chart can make: keys and accounts that are random and made once.
 * One object is reconciled: the system namespace.
 */
import { systemConfigMaps, systemSecrets } from '@cloister/tenancy';
import { controller, type Controller, type ObjectKey } from 'kube-runtime';
import { configMaps, namespaceKind, secrets } from '../kinds.ts';
import { named } from '../scopes.ts';
import { providePlatform, type PlatformParts } from './reconcile.ts';

export function platformController(parts: PlatformParts): Controller {
  const { systemNamespace, postgres, redis } = parts.configuration;
  const itself = (): ObjectKey[] => [{ name: systemNamespace }];
  const watched = [...Object.values(systemSecrets), postgres.adminSecret.name, redis.adminSecret.name];
  const start = controller('platform').for(namespaceKind, { fieldSelector: `metadata.name=${systemNamespace}` });
  return watched
    .reduce((builder, name) => builder.watches(secrets, itself, named(systemNamespace, name)), start)
    .watches(configMaps, itself, named(systemNamespace, systemConfigMaps.agentsTrust))
    .maxBackoff(30_000)
    .reconcile((context) => providePlatform(context, parts));
}
