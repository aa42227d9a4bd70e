/** The built-in kinds that operators use most, as far as the model knows what makes each special. */
import { kind } from 'kube-runtime';
import { configMap } from './config-map.ts';
import { deployment } from './deployment.ts';
import { lease } from './lease.ts';
import { namespace } from './namespace.ts';
import { resourceQuota } from './resource-quota.ts';
import { secret } from './secret.ts';
import { service } from './service.ts';
import type { ServedKind } from './served-kind.ts';

const plain = (apiVersion: string, name: string, rules: Omit<ServedKind, 'kind'> = {}): ServedKind => ({
  unconditionalUpdate: true,
  ...rules,
  kind: kind(apiVersion, name),
});

export const builtInKinds: readonly ServedKind[] = [
  namespace,
  configMap,
  secret,
  deployment,
  service,
  resourceQuota,
  lease,
  plain('v1', 'ServiceAccount', { unconditionalUpdate: false }),
  plain('v1', 'Pod', { status: true, generation: 'spec' }),
  plain('v1', 'LimitRange', { createOnUpdate: true }),
  plain('rbac.authorization.k8s.io/v1', 'Role', { createOnUpdate: true }),
  plain('rbac.authorization.k8s.io/v1', 'RoleBinding', { createOnUpdate: true }),
  plain('networking.k8s.io/v1', 'NetworkPolicy', { generation: 'spec' }),
  plain('networking.k8s.io/v1', 'Ingress', { status: true, generation: 'spec' }),
  plain('policy/v1', 'PodDisruptionBudget', { status: true, generation: 'spec', unconditionalUpdate: false }),
  plain('autoscaling/v2', 'HorizontalPodAutoscaler', { status: true }),
  plain('events.k8s.io/v1', 'Event', { createOnUpdate: true }),
];
