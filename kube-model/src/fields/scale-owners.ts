import type { StoredObject } from '../objects/object.ts';
import { FieldSet } from './field-set.ts';
import { idOf, managersOf, type Entry, type Managers } from './managers.ts';

/**
 * After a write to `/scale`, which knows of one field alone and of that only once somebody owns it.
 *
 * On the way through `autoscaling/v1`, the server loses sight of which entry of an updating owner was which: even a write that changes
 * nothing moves the replicas into a second entry of that owner's name, without a time. Of two entries of one name the next write believes
 * the last, which is the other one: then the replicas have no owner left.
 */
export function ownersAfterScale(
  existing: StoredObject,
  replicas: readonly string[],
  writer: string,
  { from, to }: { readonly from: unknown; readonly to: unknown },
): Managers {
  const before = managersOf(existing);
  const field = new FieldSet([replicas.map((name) => `f:${name}`)]);
  const owns = ({ set }: Entry): boolean => field.paths.every((path) => set.has(path));
  const [owner] = [...before.values()].filter(owns);
  if (!owner) return before;
  const own: Entry = { ...owner, name: writer, operation: 'Update', subresource: 'scale' };
  const owners = from === to ? [...before.values()].filter(owns) : to === undefined ? [] : [own];
  const kept = new Set(owners.filter(({ operation }) => operation === 'Apply').map(idOf));
  const rest = [...before].map(([id, entry]): [string, Entry] => [id, kept.has(id) ? entry : { ...entry, set: entry.set.without(field) }]);
  const moved = owners.filter((entry) => !kept.has(idOf(entry))).map((entry): Entry => ({ ...entry, time: undefined, set: field }));
  return new Map([...moved.map((entry): [string, Entry] => [`scale ${idOf(entry)}`, entry]), ...rest]);
}
