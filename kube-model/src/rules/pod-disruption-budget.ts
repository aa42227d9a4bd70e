import { kind } from 'kube-runtime';
import { at, recordOf, textOf } from '../objects/json.ts';
import type { StoredObject } from '../objects/object.ts';
import { withoutNothing } from './decoded.ts';
import { wrong, type FieldError } from './field-error.ts';
import type { ServedKind } from './served-kind.ts';

const counts = ['currentHealthy', 'desiredHealthy', 'disruptionsAllowed', 'expectedPods'] as const;
const evictionPolicies: readonly unknown[] = [undefined, 'AlwaysAllow', 'IfHealthyBudget'];
const none = Object.fromEntries(counts.map((count) => [count, 0]));

export const podDisruptionBudget: ServedKind = {
  kind: kind('policy/v1', 'PodDisruptionBudget'),
  status: true,
  generation: 'spec',
  maps: ['status.disruptedPods'],
  bare: { spec: {}, status: none },
  defaults(draft) {
    draft['spec'] = withoutNothing(recordOf(draft['spec']));
    const { observedGeneration, ...status } = withoutNothing(recordOf(draft['status']));
    draft['status'] = { ...none, ...status, ...(observedGeneration !== 0 && observedGeneration !== undefined && { observedGeneration }) };
  },
  validate: (object) => [
    ...checkBounds(object),
    ...counts.flatMap((count) =>
      Number(at(object, ['status', count])) < 0 ? [wrong(`status.${count}`, 'must be greater than or equal to 0')] : [],
    ),
  ],
};

function checkBounds(object: StoredObject): FieldError[] {
  const { minAvailable, maxUnavailable, unhealthyPodEvictionPolicy } = recordOf(object['spec']);
  return [
    ...(minAvailable !== undefined && maxUnavailable !== undefined
      ? [wrong('spec', 'minAvailable and maxUnavailable cannot be both set')]
      : []),
    ...(isShare(minAvailable) ? [] : [wrong('spec.minAvailable', 'must be a number of pods or a percentage')]),
    ...(isShare(maxUnavailable) ? [] : [wrong('spec.maxUnavailable', 'must be a number of pods or a percentage')]),
    ...(evictionPolicies.includes(unhealthyPodEvictionPolicy) ? [] : [wrong('spec.unhealthyPodEvictionPolicy', 'is no such policy')]),
  ];
}

/** `1`, or `50%` of no more than all of them. */
function isShare(value: unknown): boolean {
  if (value === undefined) return true;
  if (typeof value === 'number') return value >= 0;
  const [, percent] = /^(\d+)%$/.exec(textOf(value) ?? '') ?? [];
  return percent !== undefined && Number(percent) <= 100;
}
