import { namespaceOf } from '@cloister/tenancy';
import { namespaceKind, type Namespace } from '../../kinds.ts';
import type { Retirement } from '../retire.ts';
import { isTenants } from '../whose-namespace.ts';

/** The live namespace, if it is the tenant's: made for it, or lent to it by an administrator's label. */
export async function ownNamespace({ tenant, context }: Retirement): Promise<Namespace | undefined> {
  const namespace = await context.cluster.get(namespaceKind, { name: namespaceOf(tenant.metadata.name) }, { signal: context.signal });
  return namespace && isTenants(namespace, tenant) ? namespace : undefined;
}
