import { kind } from 'kube-runtime';
import { at, recordOf, type Json } from '../objects/json.ts';
import type { StoredObject } from '../objects/object.ts';
import { withoutNothing } from './decoded.ts';
import { notAllowed, wrong, type FieldError } from './field-error.ts';
import { amountOf, canonical } from './quantity.ts';
import type { ServedKind } from './served-kind.ts';

/** Of containers and pods. A range without limits says so: `limits: null`. A list of none becomes that in the store. */
export const limitRange: ServedKind = {
  kind: kind('v1', 'LimitRange'),
  unconditionalUpdate: true,
  createOnUpdate: true,
  bare: { spec: { limits: null } },
  defaults(draft) {
    const { limits } = recordOf(draft['spec']);
    draft['spec'] = { limits: Array.isArray(limits) ? limits.map((limit) => filledIn(recordOf(limit))) : null };
  },
  stored(draft) {
    if (itemsOf(at(draft, ['spec', 'limits'])).length === 0) draft['spec'] = { limits: null };
  },
  validate: checkLimits,
};

const itemsOf = (list: unknown): Json[] => (Array.isArray(list) ? list.map(recordOf) : []);
const amounts = ['max', 'min', 'default', 'defaultRequest'] as const;

/** For containers the most is what they get unless they say otherwise, and what they get is what they ask for. */
function filledIn(limit: Json): Json {
  const spelt = Object.fromEntries(amounts.map((field) => [field, speltOut(limit[field])] as const));
  if (limit['type'] !== 'Container') return withoutNothing({ ...limit, ...spelt });
  const usual = { ...spelt['max'], ...spelt['default'] };
  const defaultRequest = { ...spelt['min'], ...usual, ...spelt['defaultRequest'] };
  return withoutNothing({ ...limit, ...spelt, default: usual, defaultRequest });
}

const speltOut = (quantities: unknown): Json =>
  Object.fromEntries(Object.entries(recordOf(quantities)).map(([name, quantity]) => [name, canonical(quantity)]));

function checkLimits(object: StoredObject): FieldError[] {
  const limits = itemsOf(at(object, ['spec', 'limits']));
  return limits.flatMap((limit, index) => [
    ...(limits.findIndex(({ type }) => type === limit['type']) < index ? [wrong(`spec.limits[${index}].type`, 'is there twice')] : []),
    ...(limit['type'] === 'Pod' ? checkPodLimit(limit, index) : []),
    ...checkOrder(limit, index),
  ]);
}

const checkPodLimit = (limit: Json, index: number): FieldError[] =>
  (['default', 'defaultRequest'] as const).flatMap((field) =>
    limit[field] === undefined ? [] : [notAllowed(`spec.limits[${index}].${field}`, "may not be specified when `type` is 'Pod'")],
  );

/** The least is no more than what is asked for, that no more than what is given, and that no more than the most. */
function checkOrder(limit: Json, index: number): FieldError[] {
  const names = new Set(amounts.flatMap((field) => Object.keys(recordOf(limit[field]))));
  return [...names].flatMap((name) => {
    const rising = (['min', 'defaultRequest', 'default', 'max'] as const)
      .map((field) => at(limit, [field, name]))
      .filter((quantity) => quantity !== undefined)
      .map(amountOf);
    return rising.every((amount, place) => place === 0 || amount >= (rising[place - 1] ?? 0))
      ? []
      : [wrong(`spec.limits[${index}]`, `the amounts of ${name} are in no order`)];
  });
}
