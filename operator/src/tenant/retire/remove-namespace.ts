import { labels, namespaceOf } from '@cloister/tenancy';
import { isControlledBy, type BaseObject, type Kind } from 'kube-runtime';
import * as kinds from '../../kinds.ts';
import type { Progress, Retirement } from '../retire.ts';
import { ownNamespace } from './own-namespace.ts';

/** What was made for the tenant in a namespace that stays; the network policies last. */
const lodgers: readonly Kind<BaseObject>[] = [
  kinds.secrets,
  kinds.configMaps,
  kinds.roleBindings,
  kinds.roles,
  kinds.serviceAccounts,
  kinds.limitRanges,
  kinds.resourceQuotas,
  kinds.networkPolicies,
];

/** A namespace made for the tenant goes, and is waited for; one that was lent is emptied of what was made for the tenant. */
export async function removeNamespace(retirement: Retirement): Promise<Progress> {
  const { tenant, context } = retirement;
  const { cluster, signal } = context;
  const namespace = await ownNamespace(retirement);
  if (!namespace) return {};
  const { name, deletionTimestamp } = namespace.metadata;
  if (!isControlledBy(namespace, tenant)) return empty(retirement);
  const waitingFor = `namespace "${name}" to be gone`;
  if (deletionTimestamp) return { waitingFor };
  await cluster.delete(kinds.namespaceKind, namespace, { signal });
  return { waitingFor, did: { type: 'Normal', reason: 'DeletingNamespace', message: `namespace "${name}" is being deleted` } };
}

async function empty({ tenant, context: { cluster, signal } }: Retirement): Promise<Progress> {
  const { name } = tenant.metadata;
  const scope = { namespace: namespaceOf(name), labelSelector: `${labels.tenant}=${name}` };
  let removed = 0;
  for (const kind of lodgers)
    for (const object of await cluster.list(kind, scope, { signal }))
      if (isControlledBy(object, tenant) && (await cluster.delete(kind, object, { signal }))) removed += 1;
  if (removed === 0) return {};
  return {
    did: {
      type: 'Normal',
      reason: 'NamespaceReturned',
      message: `namespace "${scope.namespace}" is kept; ${removed} objects in it are gone`,
    },
  };
}
