import { afterUpdate, encodeManagers } from '../fields/managers.ts';
import { at, recordOf } from '../objects/json.ts';
import { withoutEmpty, type StoredObject } from '../objects/object.ts';
import { charges, exceeded } from '../rules/quota.ts';
import type { ServedKind } from '../rules/served-kind.ts';
import type { Site } from './call.ts';
import { forbidden, namespaceNotFound } from './refused.ts';

const named = (site: Site, kind: string): ServedKind | undefined => site.kinds.find((served) => served.kind.kind === kind);

/** Nothing is created in a namespace that is not there or on its way out. */
export function admitToNamespace(site: Site, served: ServedKind, { metadata }: StoredObject): void {
  const namespaces = named(site, 'Namespace');
  if (!served.kind.namespaced || !namespaces) return;
  const { namespace = '', name } = metadata;
  const found = site.store.get(namespaces, { name: namespace });
  if (!found) throw namespaceNotFound(namespace);
  if (at(found, ['status', 'phase']) !== 'Terminating') return;
  const why = `namespace ${namespace} is being terminated`;
  const cause = { reason: 'NamespaceTerminating', message: why, field: 'metadata.namespace' };
  throw forbidden(served, name, `unable to create new content in namespace ${namespace} because it is being terminated`, [cause]);
}

/** Counts the new object against the quotas of its namespace, or refuses it. */
export function admitToQuota(site: Site, served: ServedKind, object: StoredObject, dryRun: boolean): void {
  const quotas = named(site, 'ResourceQuota');
  const { namespace, name } = object.metadata;
  if (!quotas || namespace === undefined) return;
  const used = charges(served, object);
  const concerned = site.store.list(quotas).filter((quota) => quota.metadata.namespace === namespace);
  const updates = concerned.flatMap((quota) => {
    const result = exceeded(quota, used);
    if (typeof result === 'string') throw forbidden(served, name, result);
    return result ? [{ quota, charged: { ...quota, status: { ...recordOf(quota['status']), used: result } } }] : [];
  });
  if (dryRun) return;
  const who = 'kube-apiserver';
  const manager = { name: who, operation: 'Update', subresource: 'status' } as const;
  for (const { quota, charged } of updates) {
    const managedFields = encodeManagers(afterUpdate({ served: quotas, manager, now: site.now() }, quota, charged));
    const metadata = withoutEmpty({ ...quota.metadata, managedFields });
    site.store.put(quotas, { ...charged, metadata }, { who, verb: 'update', subresource: 'status' });
  }
}
