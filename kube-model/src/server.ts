import { Controllers } from './controllers/controllers.ts';
import type { StoredObject } from './objects/object.ts';
import { handle } from './requests/handle.ts';
import type { Site } from './requests/call.ts';
import { keyFrom, routeOf } from './requests/route.ts';
import { builtInKinds } from './rules/built-in.ts';
import type { ServedKind } from './rules/served-kind.ts';
import { Store, type Change } from './store/store.ts';
import { ModelConnection } from './wire/connection.ts';
import type { ModelWatch } from './wire/watch.ts';

export interface ModelApiServerOptions {
  /** What is served besides, or in the place of, the built-in kinds. */
  readonly kinds?: readonly ServedKind[];
  /** The only clock. Default: 2026-01-01T00:00:00Z, for ever. */
  readonly now?: () => Date;
  /** Begin with the kinds and objects of this server, at its version; else with the namespaces that every cluster has. */
  readonly from?: ModelApiServer;
}

/**
 * An API server in memory: see README.md for what it promises.
 *
 * Guarantees: the same calls in the same order give the same objects, versions, UIDs and events. It has no timers, no clock but `now`, and
 * no randomness. What is stored is frozen.
 */
export class ModelApiServer {
  readonly controllers: Controllers;
  readonly #site: Site;
  readonly #connections: ModelConnection[] = [];
  #numbers: number;

  constructor({ kinds = [], now = () => new Date('2026-01-01T00:00:00Z'), from }: ModelApiServerOptions = {}) {
    const own = new Set(kinds.map(({ kind }) => `${kind.apiVersion}/${kind.kind}`));
    const served = [...builtInKinds.filter(({ kind }) => !own.has(`${kind.apiVersion}/${kind.kind}`)), ...kinds];
    const before = from ? from.#site : { store: new Store(), kinds: served };
    this.#numbers = from ? from.#numbers : 0;
    this.#site = { store: before.store.copy(), kinds: before.kinds, now: () => secondsOf(now()), next: () => ++this.#numbers };
    this.controllers = new Controllers(this.#site);
    if (!from) for (const name of ['default', 'kube-system']) this.#createNamespace(name);
  }

  /** `user` is who its writes are told to be from, and their field manager where the request names none. */
  connect({ user = 'somebody' }: { readonly user?: string } = {}): ModelConnection {
    const connection = new ModelConnection(this.#site, user);
    this.#connections.push(connection);
    return connection;
  }

  get version(): number {
    return this.#site.store.version;
  }

  /** All objects as they are now, in order of kind, namespace and name. */
  objects(): readonly StoredObject[] {
    return this.#site.store.all();
  }

  /** Whether the object that a path names, or whose subresource it names, is there now. Throws for a path that nothing is served at. */
  has(path: string): boolean {
    const route = routeOf(this.#site.kinds, path);
    return route.name !== undefined && this.#site.store.get(route.served, keyFrom(route, route.name)) !== undefined;
  }

  /** Every accepted write since the beginning. */
  history(): readonly Change[] {
    return this.#site.store.changes;
  }

  /** Open watches that have something to bring. */
  pending(): { readonly connection: ModelConnection; readonly watch: ModelWatch }[] {
    return this.#connections.flatMap((connection) =>
      connection.watches.filter(({ pending }) => pending.length > 0).map((watch) => ({ connection, watch })),
    );
  }

  deliver(connection: ModelConnection, count?: number): number {
    return connection.deliver(count);
  }

  /** Forgets the history before a version: who watches or lists on from there is told 410, and lists anew. */
  compact(before = this.version): void {
    this.#site.store.compact(before);
  }

  #createNamespace(name: string): void {
    const request = {
      method: 'POST',
      path: '/api/v1/namespaces',
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    } as const;
    const route = routeOf(this.#site.kinds, request.path);
    handle({ site: this.#site, request, route, who: 'kube-apiserver', version: this.version });
  }
}

/** Kubernetes tells times in whole seconds. */
const secondsOf = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, 'Z');
