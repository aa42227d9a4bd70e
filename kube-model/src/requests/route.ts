import type { ObjectKey } from 'kube-runtime';
import type { ServedKind } from '../rules/served-kind.ts';
import { noSuchPath } from './refused.ts';

/** What a path names. */
export interface Route {
  readonly served: ServedKind;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** @throws Refused 404 when nothing is served there. */
export function routeOf(kinds: readonly ServedKind[], path: string): Route {
  const [, root, ...segments] = path.split('/').map(decodeURIComponent);
  const apiVersion = root === 'apis' ? segments.splice(0, 2).join('/') : segments.splice(0, 1).join('');
  const inNamespace = segments[0] === 'namespaces' && segments.length > 2 && segments[2] !== 'status' && segments[2] !== 'finalize';
  const namespace = inNamespace ? segments.splice(0, 2)[1] : undefined;
  const [plural, name, subresource] = segments;
  const served = kinds.find(({ kind }) => kind.apiVersion === apiVersion && kind.plural === plural);
  if (!served || (served.kind.namespaced ? name !== undefined && !namespace : namespace !== undefined)) throw noSuchPath();
  if (subresource !== undefined && !subresourcesOf(served).includes(subresource)) throw noSuchPath();
  return { served, namespace, name, subresource };
}

const subresourcesOf = ({ kind, status, scale }: ServedKind): string[] => [
  ...(status ? ['status'] : []),
  ...(scale ? ['scale'] : []),
  ...(kind.kind === 'Namespace' ? ['finalize'] : []),
];

export const keyFrom = ({ namespace }: Route, name: string): ObjectKey => (namespace === undefined ? { name } : { name, namespace });
