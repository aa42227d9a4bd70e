/**
 * Ends what an agent has lost. Whatever is told of a tenant must hold for it, too: a state, a class, quota and budgets, the end of old credentials. Seen by
 * labels, so also after a start; costs nothing where there is none.
 */
import { namespaceOf } from '@cloister/tenancy';
import { keyOf, type BaseObject, type Cluster, type Kind, type ObjectKey } from 'kube-runtime';
import type { Caches } from '../caches.ts';
import * as kinds from '../kinds.ts';
import { orphaned } from './orphaned.ts';

export interface Orphan {
  readonly kind: Kind<BaseObject>;
  readonly object: BaseObject;
}

/** First what would bring back pods, or lead to them; last what pods that are ending may still have open. None outside of a tenant's namespace. */
export function orphansOf(key: ObjectKey, caches: Caches): Orphan[] {
  if (!isInTenantNamespace(key, caches)) return [];
  const left = (kind: Kind<BaseObject>, found: readonly BaseObject[]) => found.map((object) => ({ kind, object }));
  const agent = keyOf(key);
  return [
    ...left(kinds.horizontalPodAutoscalers, caches.horizontalPodAutoscalers.byIndex(orphaned, agent)),
    ...left(kinds.deployments, caches.deployments.byIndex(orphaned, agent)),
    ...left(kinds.services, caches.services.byIndex(orphaned, agent)),
    ...left(kinds.podDisruptionBudgets, caches.podDisruptionBudgets.byIndex(orphaned, agent)),
    ...left(kinds.configMaps, caches.configMaps.byIndex(orphaned, agent)),
  ];
}

/** What bears the labels elsewhere may be anybody's: there, nothing keeps others from giving them. */
export function isInTenantNamespace({ namespace = '' }: ObjectKey, caches: Pick<Caches, 'tenantsOfNamespaces'>): boolean {
  const tenant = caches.tenantsOfNamespaces({ name: namespace });
  return tenant !== undefined && namespaceOf(tenant) === namespace;
}

/** As they were seen: one that an AgentConfig has got back meanwhile is its own (409). */
export async function endOrphans(
  orphans: readonly Orphan[],
  { cluster, signal }: { readonly cluster: Cluster; readonly signal: AbortSignal },
): Promise<void> {
  for (const { kind, object } of orphans) {
    const { resourceVersion } = object.metadata;
    await cluster.delete(kind, object, { signal, ...(resourceVersion !== undefined && { resourceVersion }) });
  }
}
