import { kind } from 'kube-runtime';
import { at, recordOf } from '../objects/json.ts';
import { wrong } from './field-error.ts';
import type { ServedKind } from './served-kind.ts';

export const lease: ServedKind = {
  kind: kind('coordination.k8s.io/v1', 'Lease'),
  createOnUpdate: true,
  bare: { spec: {} },
  defaults(draft) {
    draft['spec'] = recordOf(draft['spec']);
  },
  validate(object) {
    const [seconds, transitions] = [at(object, ['spec', 'leaseDurationSeconds']), at(object, ['spec', 'leaseTransitions'])];
    return [
      ...(typeof seconds === 'number' && seconds <= 0 ? [wrong('spec.leaseDurationSeconds', 'must be greater than 0')] : []),
      ...(typeof transitions === 'number' && transitions < 0 ? [wrong('spec.leaseTransitions', 'must be greater than or equal to 0')] : []),
    ];
  },
};
