/**
 * How kstatus judges a custom resource, and thereby Flux and every tool on cli-utils: the rules of its generic check, in its order.
 * https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/status/generic.go
 */
import type { BaseObject, Condition } from 'kube-runtime';

export type Verdict = 'Terminating' | 'InProgress' | 'Failed' | 'Current';

interface Judged extends BaseObject {
  readonly status?: { readonly observedGeneration?: number | undefined; readonly conditions?: readonly Condition[] | undefined };
}

export function kstatus({ metadata, status }: Judged): Verdict {
  if (metadata.deletionTimestamp) return 'Terminating';
  const { observedGeneration = metadata.generation, conditions = [] } = status ?? {};
  if (observedGeneration !== metadata.generation) return 'InProgress';
  const abnormal = conditions.find(({ type, status: value }) => value === 'True' && (type === 'Reconciling' || type === 'Stalled'));
  if (abnormal) return abnormal.type === 'Stalled' ? 'Failed' : 'InProgress';
  return conditions.some(({ type, status: value }) => type === 'Ready' && value !== 'True') ? 'InProgress' : 'Current';
}
