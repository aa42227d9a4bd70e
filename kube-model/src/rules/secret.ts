import { kind } from 'kube-runtime';
import { isRecord, recordOf } from '../objects/json.ts';
import { checkFrozen, checkKeys, dropEmptyMaps } from './config-map.ts';
import { immutable } from './field-error.ts';
import type { ServedKind } from './served-kind.ts';

export const secret: ServedKind = {
  kind: kind('v1', 'Secret'),
  unconditionalUpdate: true,
  defaults(draft) {
    const { stringData, data } = draft;
    if (isRecord(stringData)) {
      const encoded = Object.entries(stringData).map(([key, text]) => [key, Buffer.from(String(text)).toString('base64')]);
      draft['data'] = { ...recordOf(data), ...Object.fromEntries(encoded) };
    }
    Reflect.deleteProperty(draft, 'stringData');
    dropEmptyMaps(draft, 'data');
    draft['type'] ??= 'Opaque';
  },
  validate: (object, old) => [
    ...checkKeys(object, 'data'),
    ...(old && old['type'] !== object['type'] ? [immutable('type')] : []),
    ...checkFrozen(object, old, 'data'),
  ],
};
