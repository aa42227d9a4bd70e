import type { Kind } from '../kind.ts';
import { controllerOf } from '../owners.ts';
import type { BaseObject, ObjectKey } from '../resource.ts';

export const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '');

/**
 * Which objects of `owner` a child belongs to: its controller owner reference, and the label where one is given.
 * The version of the reference does not count: it names the version at the time of writing, and the owner may be served under several.
 */
export function ownerKeys(owner: Kind<BaseObject>, child: BaseObject, label: string | undefined): ObjectKey[] {
  const namespace = owner.namespaced ? child.metadata.namespace : undefined;
  const reference = controllerOf(child);
  const owned = reference?.kind === owner.kind && groupOf(reference.apiVersion) === groupOf(owner.apiVersion);
  const labelled = label === undefined ? undefined : child.metadata.labels?.[label];
  const names = new Set([...(owned ? [reference.name] : []), ...(labelled ? [labelled] : [])]);
  return [...names].map((name) => ({ name, namespace }));
}
