import { kind } from 'kube-runtime';
import { equal, isRecord } from '../objects/json.ts';
import { immutable, required, wrong } from './field-error.ts';
import type { ServedKind } from './served-kind.ts';

/** What something once was. Its data is owned as a whole, and stays. */
export const controllerRevision: ServedKind = {
  kind: kind('apps/v1', 'ControllerRevision'),
  unconditionalUpdate: true,
  atomic: ['data'],
  bare: { revision: 0, data: null },
  defaults(draft) {
    draft['revision'] ??= 0;
  },
  validate: ({ data, revision }, old) => [
    ...(Number(revision) < 0 ? [wrong('revision', 'must be greater than or equal to 0')] : []),
    ...(old || isRecord(data) ? [] : [required('data', 'data is mandatory')]),
    ...(old && !equal(data, old['data']) ? [immutable('data')] : []),
  ],
};
