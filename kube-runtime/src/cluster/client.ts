import type { Registry } from 'prom-client';
import { Applier } from '../apply/apply.ts';
import type { Informer } from '../cache/informer.ts';
import { InformerPool } from '../cache/informer-pool.ts';
import { rawWatch, readAll } from '../cache/source.ts';
import { tidy } from '../cache/tidy.ts';
import type { InformerTimings } from '../cache/timings.ts';
import { isNotFound, KubeRuntimeError } from '../errors.ts';
import { deepFreeze } from '../json.ts';
import { pathOf, type Kind } from '../kind.ts';
import type { Logger } from '../logger.ts';
import type { BaseObject, Desired, ObjectKey, StatusOf } from '../resource.ts';
import type {
  Applied,
  ApplyOptions,
  CacheScope,
  CallOptions,
  Cluster,
  DeleteOptions,
  JsonPatchOperation,
  PatchOptions,
  Scope,
  StatusOptions,
  WatchEvent,
} from './cluster.ts';
import type { ApiRequest, WriteInterceptor } from './request.ts';
import { AttentiveWire } from './outage.ts';
import type { Wire } from './wire.ts';
import { WriteGate } from './write-gate.ts';

export interface ClientOptions {
  readonly wire: Wire;
  readonly server: string;
  readonly namespace: string;
  readonly fieldManager: string;
  readonly log: Logger;
  readonly registry: Registry;
  readonly timings: InformerTimings;
  /** Ends the wire, once nothing uses it any more. */
  readonly hangUp: () => Promise<void>;
}

/** See `Cluster` for what is promised. */
export class ClusterClient implements Cluster {
  readonly server: string;
  readonly namespace: string;
  readonly fieldManager: string;
  readonly log: Logger;
  readonly registry: Registry;
  readonly #options: ClientOptions;
  readonly #wire: Wire;
  readonly #gate: WriteGate;
  readonly #pool: InformerPool;
  readonly #applier: Applier;

  constructor(options: ClientOptions) {
    const wire = new AttentiveWire(options.wire, options.timings);
    this.#wire = wire;
    this.#options = options;
    this.server = options.server;
    this.namespace = options.namespace;
    this.fieldManager = options.fieldManager;
    this.log = options.log;
    this.registry = options.registry;
    this.#gate = new WriteGate((request) => wire.send(request));
    this.#pool = new InformerPool({ ...options, wire });
    this.#applier = new Applier({
      fieldManager: options.fieldManager,
      log: options.log,
      send: (request) => this.#gate.send(request),
      find: (kind, metadata) => this.#pool.find(kind, metadata),
      read: (kind, key, signal) => this.get(kind, key, signal && { signal }),
      head: (kind, key) => this.#pool.head(kind, key),
      wrote: (kind, object) => this.#pool.remember(kind, object),
    });
  }

  request(request: ApiRequest): Promise<unknown> {
    return this.#gate.send(request);
  }

  async get<T extends BaseObject>(kind: Kind<T>, key: ObjectKey, { signal }: CallOptions = {}): Promise<T | undefined> {
    try {
      return kind.accept(await this.request({ path: objectPath(kind, key), signal }));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async list<T extends BaseObject>(kind: Kind<T>, scope: Scope = {}, { signal }: CallOptions = {}): Promise<T[]> {
    const { pageSize } = this.#options.timings;
    const all = await readAll(this.#wire, kind, scope, { pageSize, signal, take: (raw) => deepFreeze(tidy(raw, kind)) });
    return [...all.items];
  }

  async *watch<T extends BaseObject>(
    kind: Kind<T>,
    scope: Scope,
    { resourceVersion, signal }: { resourceVersion: string; signal: AbortSignal },
  ): AsyncGenerator<WatchEvent<T>> {
    const [, longest] = this.#options.timings.watchMs;
    const timeoutSeconds = Math.ceil(longest / 1000);
    for await (const events of rawWatch(this.#wire, kind, scope, {
      resourceVersion,
      timeoutSeconds,
      signal,
      onChunk: () => undefined,
    })) {
      for (const { type, object } of events) if (isWatchType(type)) yield { type, object: deepFreeze(tidy(object, kind)) };
    }
  }

  async create<T extends BaseObject>(kind: Kind<T>, object: Desired<T>, { signal }: CallOptions = {}): Promise<T> {
    const { namespace } = object.metadata;
    if (kind.namespaced && !namespace) throw new KubeRuntimeError('namespace_missing', { kind: kind.kind, name: object.metadata.name });
    const body = Object.assign({}, object, { apiVersion: kind.apiVersion, kind: kind.kind });
    const query = { fieldManager: this.fieldManager };
    return this.#written(kind, await this.request({ method: 'POST', path: pathOf(kind, { namespace }), query, body, signal }));
  }

  apply<T extends BaseObject>(kind: Kind<T>, desired: Desired<T>, options: ApplyOptions = {}): Promise<Applied<T>> {
    return this.#applier.apply(kind, desired, options);
  }

  updateStatus<T extends BaseObject>(kind: Kind<T>, object: T, status: StatusOf<T>, options: StatusOptions = {}): Promise<Applied<T>> {
    return this.#applier.applyStatus(kind, object, status, options);
  }

  async delete<T extends BaseObject>(kind: Kind<T>, target: T | ObjectKey, options: DeleteOptions = {}): Promise<boolean> {
    const key = 'metadata' in target ? target.metadata : target;
    const uid = options.uid ?? ('metadata' in target ? target.metadata.uid : undefined);
    const { resourceVersion, propagation = 'Background', signal } = options;
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: propagation, preconditions: { uid, resourceVersion } };
    try {
      await this.request({ method: 'DELETE', path: objectPath(kind, key), body, signal });
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async patch<T extends BaseObject>(
    kind: Kind<T>,
    key: ObjectKey,
    patch: readonly JsonPatchOperation[] | Readonly<Record<string, unknown>>,
    { subresource, signal }: PatchOptions = {},
  ): Promise<T> {
    const contentType = Array.isArray(patch) ? 'application/json-patch+json' : 'application/merge-patch+json';
    const path = objectPath(kind, key, subresource);
    const query = { fieldManager: this.fieldManager };
    return this.#written(kind, await this.request({ method: 'PATCH', path, query, contentType, body: patch, signal }));
  }

  informer<T extends BaseObject>(kind: Kind<T>, scope: CacheScope = {}): Informer<T> {
    return this.#pool.informer(kind, scope);
  }

  startInformers(): void {
    for (const informer of this.informers) informer.start();
  }

  get informers(): readonly Informer<BaseObject>[] {
    return this.#pool.all;
  }

  interceptWrites(interceptor: WriteInterceptor): () => void {
    return this.#gate.add(interceptor);
  }

  async close(): Promise<void> {
    await Promise.all(this.informers.map((informer) => informer.stop()));
    await this.#options.hangUp();
  }

  #written<T extends BaseObject>(kind: Kind<T>, answer: unknown): T {
    const object = kind.accept(answer);
    this.#pool.remember(kind, object);
    return object;
  }
}

const watchTypes = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'] as const;
const isWatchType = (type: string): type is WatchEvent<unknown>['type'] => watchTypes.some((known) => known === type);

function objectPath(kind: Kind<BaseObject>, key: ObjectKey, subresource?: string): string {
  if (kind.namespaced && !key.namespace) throw new KubeRuntimeError('namespace_missing', { kind: kind.kind, name: key.name });
  return pathOf(kind, key, subresource);
}
