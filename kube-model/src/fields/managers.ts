/** Who owns which fields: `metadata.managedFields`, read, changed by a write, and written again. */
import { at, equal } from '../objects/json.ts';
import type { ManagedFieldsEntry, StoredObject } from '../objects/object.ts';
import type { ServedKind } from '../rules/served-kind.ts';
import { compare } from './compare.ts';
import { FieldSet, shown } from './field-set.ts';
import { fieldsOf, withNamedParents } from './fields-of.ts';
import { merge, without } from './merge.ts';

/** Who writes, and in which way: the same name owns separately what it applied and what it updated. */
export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly subresource?: string | undefined;
}

export interface Entry extends Manager {
  readonly apiVersion: string;
  readonly time: string | undefined;
  readonly set: FieldSet;
}

export type Managers = ReadonlyMap<string, Entry>;

export const idOf = ({ name, operation, subresource = '' }: Manager): string => JSON.stringify([name, operation, subresource]);

export function managersOf(object: StoredObject | undefined): Managers {
  const entries = object?.metadata.managedFields ?? [];
  return new Map(
    entries.map(({ manager: name, operation, subresource, apiVersion, time, fieldsV1 }) => {
      const entry: Entry = { name, operation, subresource, apiVersion, time, set: FieldSet.decode(fieldsV1) };
      return [idOf(entry), entry];
    }),
  );
}

/** Owned by whoever calls: the server's own fields are nobody's. */
const unowned = new Set(
  [
    'apiVersion',
    'kind',
    'metadata',
    ...['creationTimestamp', 'generation', 'managedFields', 'name', 'namespace', 'resourceVersion', 'selfLink', 'uid'].map(
      (field) => `metadata\nf:${field}`,
    ),
  ].map((field) => `f:${field}`),
);
const ownable = (set: FieldSet): FieldSet => set.filter((path) => path.length > 0 && !unowned.has(path.join('\n')));

export function encodeManagers(managers: Managers): ManagedFieldsEntry[] {
  return [...managers.values()]
    .map((entry) => ({ ...entry, set: ownable(entry.set) }))
    .filter(({ set }) => set.size > 0)
    .map(({ name, operation, subresource, apiVersion, time, set }) => ({
      manager: name,
      operation,
      apiVersion,
      ...(time !== undefined && { time }),
      fieldsType: 'FieldsV1',
      fieldsV1: set.encode(),
      ...(subresource && { subresource }),
    }));
}

export interface Ownership {
  readonly served: ServedKind;
  readonly manager: Manager;
  readonly now: string;
}

/**
 * After a PUT, POST or patch: the writer owns what it changed, and nobody else does any more. An object of which nobody owns anything stays
 * so until the first apply.
 */
export function afterUpdate({ served, manager, now }: Ownership, live: StoredObject | undefined, next: StoredObject): Managers {
  const before = managersOf(live);
  if (live && before.size === 0) return before;
  const { added, modified, removed } = compare(served, live ? comparable(live) : served.bare, comparable(next));
  const changed = added.union(modified);
  const others = [...before].flatMap(([id, entry]): [string, Entry][] =>
    id === idOf(manager) ? [] : [[id, { ...entry, set: entry.set.without(changed).without(removed) }]],
  );
  const own = before.get(idOf(manager));
  const set = (own?.set ?? new FieldSet()).without(removed).union(changed);
  return withOwn(new Map(others), { ...manager, apiVersion: served.kind.apiVersion, time: timeOf(own, set, now), set });
}

export interface ConflictingField {
  readonly manager: string;
  readonly operation: string;
  readonly field: string;
}

export type AppliedConfiguration =
  { readonly object: StoredObject; readonly managers: Managers } | { readonly conflicts: readonly ConflictingField[] };

/** Server-side apply: merges the configuration in, and removes what its manager no longer applies and nobody else owns. */
export function applyConfiguration(
  { served, manager, now }: Ownership,
  live: StoredObject,
  configuration: StoredObject,
  force: boolean,
): AppliedConfiguration {
  const before = knownManagers({ served, manager, now }, live);
  const own = before.get(idOf(manager));
  const set = fieldsOf(served, configuration);
  const managers = new Map(before).set(idOf(manager), { ...manager, apiVersion: served.kind.apiVersion, time: timeOf(own, set, now), set });
  const merged = merge(served, live, configuration);
  const object = own ? prune(served, merged, managers, own.set) : merged;
  if (!isStored(object)) throw new Error('a merge of two objects is an object');
  const { added, modified, removed } = compare(served, comparable(live), comparable(object));
  const changed = added.union(modified);
  const others = [...managers].filter(([id]) => id !== idOf(manager));
  const conflicts = others.flatMap(([, entry]) =>
    entry.set.intersect(changed).paths.map((path) => ({ manager: entry.name, operation: entry.operation, field: shown(path) })),
  );
  if (conflicts.length > 0 && !force) return { conflicts };
  const left = others.map(([id, entry]): [string, Entry] => [id, { ...entry, set: entry.set.without(changed).without(removed) }]);
  const mine = managers.get(idOf(manager));
  return { object, managers: mine ? withOwn(new Map(left), mine) : new Map(left) };
}

/** The first apply to an object of which nobody owns anything gives all that is there to a manager of its own. */
function knownManagers(ownership: Ownership, live: StoredObject): Managers {
  const before = managersOf(live);
  if (before.size > 0 || live.metadata.uid === undefined) return before;
  return afterUpdate({ ...ownership, manager: { name: 'before-first-apply', operation: 'Update' } }, undefined, live);
}

function prune(served: ServedKind, merged: unknown, managers: Managers, last: FieldSet): unknown {
  const owned = [...managers.values()].reduce((all, { set }) => all.union(set), new FieldSet());
  const dropped = withNamedParents(served, last).without(withNamedParents(served, owned));
  return dropped.size === 0 ? merged : without(served, merged, dropped);
}

const isStored = (value: unknown): value is StoredObject => at(value, ['metadata']) !== undefined;

function withOwn(others: Map<string, Entry>, own: Entry): Managers {
  return ownable(own.set).size === 0 ? others : others.set(idOf(own), own);
}

/** The time of an entry moves only with its fields. */
const timeOf = (own: Entry | undefined, set: FieldSet, now: string): string | undefined =>
  own && equal(ownable(own.set).encode(), ownable(set).encode()) ? own.time : now;

/** Ownership itself is no field that is owned. */
function comparable(object: StoredObject): StoredObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
