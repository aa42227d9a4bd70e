import type { Ingress, IngressBackend, IngressPath, Service } from './resources.ts';

/** Where requests for one host and path go. */
export interface Route {
  /** Undefined: hosts that no other route names. */
  readonly host: string | undefined;
  readonly path: string;
  /** `/a` then means exactly that; otherwise also everything under `/a/`. */
  readonly exact: boolean;
  /** `address:port` of the Service; undefined when there is none to send to. */
  readonly upstream: string | undefined;
}

/** What nginx takes literally in a location; other paths are left out rather than quoted wrongly. */
const plainPath = /^\/[\w.~\-/%+:@=,!]*$/;

/**
 * The routes of all Ingresses of a class. Of two that claim the same host and path the older Ingress has it, so that nobody takes
 * over an address by claiming it again.
 */
export function routesOf(ingresses: readonly Ingress[], services: readonly Service[], className: string): Route[] {
  const byName = new Map(services.map((service) => [keyOf(service.metadata), service]));
  const routes = new Map<string, Route>();
  for (const ingress of [...ingresses].sort(byAge)) {
    if (ingress.spec.ingressClassName !== className) continue;
    for (const route of routesOfOne(ingress, byName)) {
      const key = JSON.stringify([route.host, route.path, route.exact]);
      if (!routes.has(key)) routes.set(key, route);
    }
  }
  return [...routes.values()];
}

function routesOfOne({ spec, metadata }: Ingress, services: ReadonlyMap<string, Service>): Route[] {
  const upstream = (backend: IngressBackend): string | undefined => upstreamOf(backend, metadata.namespace, services);
  const routes = (spec.rules ?? []).flatMap(({ host, http }) =>
    (http?.paths ?? []).map((path) => ({ host, ...matchOf(path), upstream: upstream(path.backend) })),
  );
  if (spec.defaultBackend) routes.push({ host: undefined, path: '/', exact: false, upstream: upstream(spec.defaultBackend) });
  return routes.filter(({ path }) => plainPath.test(path));
}

function matchOf({ path = '/', pathType }: IngressPath): Pick<Route, 'path' | 'exact'> {
  const exact = pathType === 'Exact';
  return { path: exact || path === '/' ? path : path.replace(/\/+$/, ''), exact };
}

function upstreamOf(
  { service }: IngressBackend,
  namespace: string | undefined,
  services: ReadonlyMap<string, Service>,
): string | undefined {
  if (!service) return undefined;
  const spec = services.get(keyOf({ name: service.name, namespace }))?.spec;
  const port = spec?.ports?.find(({ name, port }) =>
    service.port?.name === undefined ? port === service.port?.number : name === service.port.name,
  );
  if (!port || !spec?.clusterIP || spec.clusterIP === 'None') return undefined;
  return `${spec.clusterIP}:${port.port}`;
}

function keyOf({ name, namespace = '' }: { readonly name: string; readonly namespace?: string | undefined }): string {
  return `${namespace}/${name}`;
}

function byAge(a: Ingress, b: Ingress): number {
  const order = (ingress: Ingress): string => `${ingress.metadata.creationTimestamp ?? ''} ${keyOf(ingress.metadata)}`;
  return order(a) < order(b) ? -1 : 1;
}
