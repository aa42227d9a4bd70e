import type { ApiRequest, BaseObject, Kind } from 'kube-runtime';
import { pathOf } from 'kube-runtime';
import type { StoredObject } from '../objects/object.ts';
import { handle } from '../requests/handle.ts';
import type { Site } from '../requests/call.ts';
import { routeOf } from '../requests/route.ts';
import type { ServedKind } from '../rules/served-kind.ts';

/** One write that a controller of Kubernetes' own would do now. */
export interface Step {
  /** For people, for example `garbage collector: delete ConfigMap acme/policy`. */
  readonly name: string;
  readonly run: () => void;
}

/** What controllers see and do. */
export interface World {
  readonly site: Site;
  readonly kinds: readonly ServedKind[];
  readonly all: readonly { readonly served: ServedKind; readonly object: StoredObject }[];
  readonly request: (request: ApiRequest) => void;
}

export function worldOf(site: Site): World {
  const { kinds, store } = site;
  return {
    site,
    kinds,
    all: kinds.flatMap((served) => store.list(served).map((object) => ({ served, object }))),
    request(request) {
      handle({ site, request, route: routeOf(kinds, request.path), who: 'kube-controller-manager', version: store.version });
    },
  };
}

export const label = ({ kind }: ServedKind, { metadata }: StoredObject): string =>
  `${kind.kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`;

/** A request about one object. */
export const on = (kind: Kind<BaseObject>, object: StoredObject, request: Omit<ApiRequest, 'path'>, subresource?: string): ApiRequest => ({
  ...request,
  path: pathOf(kind, object.metadata, subresource),
});

export const deletion = (kind: Kind<BaseObject>, object: StoredObject, propagationPolicy?: string): ApiRequest =>
  on(kind, object, {
    method: 'DELETE',
    body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy, preconditions: { uid: object.metadata.uid } },
  });
