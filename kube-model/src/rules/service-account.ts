import { kind } from 'kube-runtime';
import { isRecord } from '../objects/json.ts';
import { withoutNothing } from './decoded.ts';
import type { ServedKind } from './served-kind.ts';

export const serviceAccount: ServedKind = {
  kind: kind('v1', 'ServiceAccount'),
  unconditionalUpdate: true,
  atomic: ['imagePullSecrets'],
  atomicItems: ['secrets'],
  defaults(draft) {
    for (const field of ['secrets', 'imagePullSecrets']) {
      const list = draft[field];
      if (Array.isArray(list) && list.length > 0) draft[field] = list.filter(isRecord).map((reference) => withoutNothing(reference));
      else Reflect.deleteProperty(draft, field);
    }
  },
};
