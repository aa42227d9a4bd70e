import { tenantObjectName } from '@cloister/tenancy';
import { isControlledBy, type BaseObject, type Kind } from 'kube-runtime';
import { configMaps, ingresses, secrets } from '../../kinds.ts';
import type { Progress, Retirement } from '../retire.ts';

/** From here on edge knows neither the tenant's host nor its keys, and answers as if it had never been. */
export async function closeWaysIn({ tenant, context, configuration }: Retirement): Promise<Progress> {
  const { cluster, signal } = context;
  const { systemNamespace, accessNamespace, ownKeysNamespace } = configuration;
  const name = tenantObjectName(tenant.metadata.name);
  const remove = async (kind: Kind<BaseObject>, namespace: string): Promise<boolean> => {
    const object = await cluster.get(kind, { name, namespace }, { signal });
    return object !== undefined && isControlledBy(object, tenant) && cluster.delete(kind, object, { signal });
  };
  const removed = [
    await remove(ingresses, systemNamespace),
    await remove(secrets, accessNamespace),
    await remove(secrets, ownKeysNamespace),
    await remove(configMaps, systemNamespace),
  ];
  return removed.some(Boolean)
    ? { did: { type: 'Normal', reason: 'AccessRevoked', message: 'host, API keys, keys of its own and policy are gone' } }
    : {};
}
