/** The built-in kinds that operators use most, as far as the model knows what makes each special. */
import { kind } from 'kube-runtime';
import { configMap } from './config-map.ts';
import { controllerRevision } from './controller-revision.ts';
import { deployment } from './deployment.ts';
import { horizontalPodAutoscaler } from './horizontal-pod-autoscaler.ts';
import { ingress } from './ingress.ts';
import { lease } from './lease.ts';
import { limitRange } from './limit-range.ts';
import { namespace } from './namespace.ts';
import { networkPolicy } from './network-policy.ts';
import { podDisruptionBudget } from './pod-disruption-budget.ts';
import { resourceQuota } from './resource-quota.ts';
import { role, roleBinding } from './roles.ts';
import { secret } from './secret.ts';
import { serviceAccount } from './service-account.ts';
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
  serviceAccount,
  limitRange,
  role,
  roleBinding,
  networkPolicy,
  ingress,
  podDisruptionBudget,
  horizontalPodAutoscaler,
  controllerRevision,
  plain('v1', 'Pod', { status: true, generation: 'spec' }),
  plain('events.k8s.io/v1', 'Event', { createOnUpdate: true }),
];
