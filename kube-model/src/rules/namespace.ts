import { kind } from 'kube-runtime';
import { recordOf } from '../objects/json.ts';
import type { ServedKind } from './served-kind.ts';

/** A namespace ends in two steps: its finalizer `kubernetes` in the spec goes once it is empty, and then the namespace. */
export const namespace: ServedKind = {
  kind: kind('v1', 'Namespace'),
  status: true,
  unconditionalUpdate: true,
  bare: { spec: {}, status: {} },
  defaults(draft) {
    const { metadata } = draft;
    metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name };
  },
  prepare(draft, old) {
    draft['spec'] = old ? recordOf(old['spec']) : { finalizers: ['kubernetes'] };
    draft['status'] ??= { phase: 'Active' };
  },
};
