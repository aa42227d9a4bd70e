import { labels, namespaceOf } from '@cloister/tenancy';
import { controllerOf, isControlledBy } from 'kube-runtime';
import { namespaceKind, type Namespace } from '../../kinds.ts';
import type { Retirement } from '../retire.ts';

/** The live namespace, if it is the tenant's: made for it, or lent to it by an administrator's label. */
export async function ownNamespace({ tenant, context }: Retirement): Promise<Namespace | undefined> {
  const { name } = tenant.metadata;
  const namespace = await context.cluster.get(namespaceKind, { name: namespaceOf(name) }, { signal: context.signal });
  if (!namespace || isControlledBy(namespace, tenant)) return namespace;
  return !controllerOf(namespace) && namespace.metadata.labels?.[labels.tenant] === name ? namespace : undefined;
}
