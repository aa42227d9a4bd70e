import { isControlledBy } from 'kube-runtime';
import { child, type Child } from '../../child.ts';
import { namespaceKind } from '../../kinds.ts';
import { tenantLabels } from '../../labels.ts';
import { namespaceOf } from '@cloister/tenancy';
import type { TenantSnapshot } from '../observe.ts';

/**
 * Where everything of the tenant lives. Pod Security "restricted" in all three modes: no pod gets in that could become root, see the
 * node's files or network, or gain privileges, whoever makes it.
 */
export function namespaceChild({ tenant, name, namespace }: TenantSnapshot): Child {
  const lent = namespace !== undefined && !isControlledBy(namespace, tenant);
  const level = 'restricted';
  return {
    ...child(namespaceKind, {
      metadata: {
        name: namespaceOf(name),
        labels: {
          ...tenantLabels(name),
          'pod-security.kubernetes.io/enforce': level,
          'pod-security.kubernetes.io/audit': level,
          'pod-security.kubernetes.io/warn': level,
        },
      },
    }),
    // A namespace that an administrator lent to the tenant must not go with it.
    owned: !lent,
    // One that appeared since it was looked for is not taken over unseen.
    adopt: false,
  };
}
