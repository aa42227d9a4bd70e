/** Label selectors as sets: whether one selects nothing that another does not, and whether one can select what bears given labels. */

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>> | undefined;
  readonly matchExpressions?:
    readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] | undefined }[] | undefined;
}

/** What a selector lets one label be: absent, and one of `values`, or none of them where `except` is set. */
interface Allowed {
  readonly absent: boolean;
  readonly except: boolean;
  readonly values: ReadonlySet<string>;
}

const anything: Allowed = { absent: true, except: true, values: new Set() };

/** Labels that an object bears: a fixed value, or any that fits a pattern. All other labels it lacks. */
export type Borne = Readonly<Record<string, string | RegExp>>;

/** Exact: labels are independent of each other, so each can be compared by itself. A selector that selects nothing is within every other. */
export function isWithin(inner: LabelSelector, outer: LabelSelector): boolean {
  const own = allowedBy(inner);
  return selectsNothing(inner) || [...allowedBy(outer)].every(([key, allowed]) => isSubset(own.get(key) ?? anything, allowed));
}

/** Because it contradicts itself. */
export const selectsNothing = (selector: LabelSelector): boolean => [...allowedBy(selector).values()].some(isEmpty);

export const canSelect = (selector: LabelSelector, borne: Borne): boolean =>
  [...allowedBy(selector)].every(([key, allowed]) => canBe(allowed, borne[key]));

function canBe({ absent, except, values }: Allowed, value: string | RegExp | undefined): boolean {
  if (value === undefined) return absent;
  if (typeof value === 'string') return values.has(value) !== except;
  return except || [...values].some((one) => value.test(one)); // a pattern has more values than any list can except
}

function allowedBy({ matchLabels = {}, matchExpressions = [] }: LabelSelector): Map<string, Allowed> {
  const allowed = new Map<string, Allowed>();
  const require = (key: string, more: Allowed) => allowed.set(key, both(allowed.get(key) ?? anything, more));
  for (const [key, value] of Object.entries(matchLabels)) require(key, requirement('In', [value]));
  for (const { key, operator, values = [] } of matchExpressions) require(key, requirement(operator, values));
  return allowed;
}

function requirement(operator: string, list: readonly string[]): Allowed {
  const values = new Set(list);
  switch (operator) {
    case 'In':
      return { absent: false, except: false, values };
    case 'NotIn':
      return { absent: true, except: true, values };
    case 'Exists':
      return { absent: false, except: true, values: new Set() };
    case 'DoesNotExist':
      return { absent: true, except: false, values: new Set() };
    default:
      return anything; // the API server stores no other
  }
}

function both(a: Allowed, b: Allowed): Allowed {
  const absent = a.absent && b.absent;
  if (a.except && b.except) return { absent, except: true, values: a.values.union(b.values) };
  if (a.except) return { absent, except: false, values: b.values.difference(a.values) };
  return { absent, except: false, values: b.except ? a.values.difference(b.values) : a.values.intersection(b.values) };
}

const isEmpty = ({ absent, except, values }: Allowed): boolean => !absent && !except && values.size === 0;

function isSubset(a: Allowed, b: Allowed): boolean {
  if (a.absent && !b.absent) return false;
  if (a.except) return b.except && b.values.isSubsetOf(a.values);
  return b.except ? a.values.isDisjointFrom(b.values) : a.values.isSubsetOf(b.values);
}
