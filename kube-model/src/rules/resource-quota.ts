import { kind } from 'kube-runtime';
import { at, equal, recordOf, type Json } from '../objects/json.ts';
import type { StoredObject } from '../objects/object.ts';
import { immutable, wrong, type FieldError } from './field-error.ts';
import { amountOf, canonical } from './quantity.ts';
import { countedByName, isScoped } from './quota.ts';
import type { ServedKind } from './served-kind.ts';

export const resourceQuota: ServedKind = {
  kind: kind('v1', 'ResourceQuota'),
  status: true,
  unconditionalUpdate: true,
  bare: { spec: {}, status: {} },
  defaults(draft) {
    draft['spec'] = withQuantities(recordOf(draft['spec']), 'hard');
    draft['status'] = withQuantities(recordOf(draft['status']), 'hard', 'used');
  },
  validate: (object, old) => [
    ...[
      ['spec', 'hard'],
      ['status', 'hard'],
      ['status', 'used'],
    ].flatMap((path) => checkAmounts(object, path)),
    ...(isScoped(object) ? Object.keys(recordOf(at(object, ['spec', 'hard']))) : [])
      .filter((name) => countedByName.has(name) && name !== 'pods')
      .map((name) => wrong('spec.scopes', `unsupported scope applied to resource ${name}`)),
    ...(old && !equal(at(object, ['spec', 'scopes']), at(old, ['spec', 'scopes'])) ? [immutable('spec.scopes')] : []),
  ],
};

function withQuantities(part: Json, ...fields: readonly string[]): Json {
  const rest = Object.entries(part).filter(([field]) => !fields.includes(field));
  const amounts = fields
    .map((field) => [field, Object.entries(recordOf(part[field])).map(([name, amount]) => [name, canonical(amount)])] as const)
    .filter(([, entries]) => entries.length > 0);
  return { ...Object.fromEntries(amounts.map(([field, entries]) => [field, Object.fromEntries(entries)])), ...Object.fromEntries(rest) };
}

/** What is counted comes in whole numbers. */
const isCounted = (name: string): boolean => countedByName.has(name) || name.startsWith('count/');

const checkAmounts = (object: StoredObject, path: readonly string[]): FieldError[] =>
  Object.entries(recordOf(at(object, path))).flatMap(([name, quantity]) => {
    const amount = amountOf(quantity);
    const field = `${path.join('.')}[${name}]`;
    if (amount < 0) return [wrong(field, 'must be greater than or equal to 0')];
    return isCounted(name) && !Number.isInteger(amount) ? [wrong(field, 'must be an integer')] : [];
  });
