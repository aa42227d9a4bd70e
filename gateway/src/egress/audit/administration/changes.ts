/** What has changed between two states of something, field by field. Pure. */
import { canonicalJSON } from '@cloister/tenancy';

export interface FieldChange {
  /** Names joined by dots. What stands in a list of named things is found by its name: `agents.support.budget.daily.usd`. */
  readonly field: string;
  /** Absent where it was not there. */
  readonly before?: unknown;
  /** Absent where it is not there any more. */
  readonly after?: unknown;
}

/** Undefined is what is not there. In the order of the names. */
export function changesBetween(before: unknown, after: unknown, field = ''): FieldChange[] {
  if (canonicalJSON(before) === canonicalJSON(after)) return [];
  const [was, is] = [membersOf(before), membersOf(after)];
  if (!was || !is) return [{ field, ...(before !== undefined && { before }), ...(after !== undefined && { after }) }];
  const names = [...new Set([...was.keys(), ...is.keys()])].sort();
  return names.flatMap((name) => changesBetween(was.get(name), is.get(name), field === '' ? name : `${field}.${name}`));
}

/** Undefined for what has no names in it; no names for what is not there. */
function membersOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (value === undefined) return new Map();
  if (Array.isArray(value)) {
    const list: readonly unknown[] = value;
    return list.length > 0 && list.every(isNamed) ? new Map(list.map(({ name, ...rest }) => [name, { ...rest }])) : undefined;
  }
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : undefined;
}

const isNamed = (value: unknown): value is { readonly name: string } =>
  typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string';
