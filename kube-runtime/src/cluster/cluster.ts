import type { Registry } from 'prom-client';
import type { Informer } from '../cache/informer.ts';
import type { Kind } from '../kind.ts';
import type { Logger } from '../logger.ts';
import type { BaseObject, Desired, ObjectKey, StatusOf } from '../resource.ts';
import type { ApiRequest, WriteInterceptor } from './request.ts';

/** Which objects of a kind are meant. Everything in the cluster when empty. */
export interface Scope {
  readonly namespace?: string;
  /** Kubernetes selector syntax, for example `app=web,tier!=test`. */
  readonly labelSelector?: string;
  /** For example `metadata.name=config`. */
  readonly fieldSelector?: string;
}

/** Which objects a cache holds, and how much of each. */
export interface CacheScope extends Scope {
  /**
   * Keep objects of namespaces whose names begin with this. The API server knows no such selector: it sends the others too, and they are dropped
   * as they arrive.
   */
  readonly namespacePrefix?: string;
  /** Keep and transfer `metadata` alone (PartialObjectMetadata): for kinds of which only existence, labels or owners matter. */
  readonly metadataOnly?: boolean;
}

/** What every call takes. */
export interface CallOptions {
  /** Cuts the call short; it rejects then. A write that the server has received already may still take effect. */
  readonly signal?: AbortSignal;
}

/** How `apply` treats owners and other field managers. */
export interface ApplyOptions extends CallOptions {
  /** The controller of the object: an owner reference is added, and objects of other controllers are refused. */
  readonly owner?: BaseObject;
  /** Take fields over from other managers (default true): what we declare, we own. */
  readonly force?: boolean;
  /** Default true. False refuses to take over an object that exists without our owner reference. Needs `owner`. */
  readonly adopt?: boolean;
  /**
   * The resourceVersion of the object from which `desired` was made, or `absent`: a write is refused (409) where it is another by now. For
   * content that two writers would make differently, such as a password. Default: whatever is there.
   */
  readonly basedOn?: string;
}

/** For {@link ApplyOptions.basedOn}: there was no such object. */
export const absent = 'absent';

/** How `updateStatus` treats what was written meanwhile. */
export interface StatusOptions extends CallOptions {
  /**
   * The resourceVersion of the object from which the status was made: a write is refused (409) where it is another by now. For a status that is
   * also a memory, which one made from an older object would lose. Default: whatever is there, as long as it is the same object.
   */
  readonly basedOn?: string | undefined;
}

/** What came of an apply. */
export interface Applied<T> {
  /** As the server, or the cache where nothing was written, has it now. */
  readonly object: T;
  /** `terminating`: the object is being deleted, so nothing was written; its deletion will be seen and the next run creates it. */
  readonly outcome: 'created' | 'changed' | 'unchanged' | 'terminating';
}

/** Preconditions of a deletion, and what becomes of dependents. */
export interface DeleteOptions extends CallOptions {
  /** Default `Background`. `Foreground` keeps the object until its dependents are gone. */
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
  /** Refuse (409) unless the live object has this UID. Taken from the object when one is passed instead of a key. */
  readonly uid?: string | undefined;
  /** Refuse (409) unless the live object has this version. */
  readonly resourceVersion?: string;
}

/** One step of RFC 6902. A failed `test` rejects the whole patch with 422. */
export interface JsonPatchOperation {
  readonly op: 'add' | 'remove' | 'replace' | 'test';
  readonly path: string;
  readonly value?: unknown;
}

/** Where a patch goes. */
export interface PatchOptions extends CallOptions {
  /** For example `status` or `scale`. */
  readonly subresource?: string;
}

/** What a watch brings. A `BOOKMARK` has an object with nothing but its resourceVersion. */
export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

/**
 * A connection to one API server.
 *
 * Errors: every call rejects with `KubeError` when the server refuses or is unreachable.
 * Guarantees: credentials that rotate on disk are followed; every write passes the interceptors; bodies are never logged.
 */
export interface Cluster {
  readonly server: string;
  /** The namespace of the kubeconfig context or of the pod; `default` when neither says. */
  readonly namespace: string;
  readonly fieldManager: string;
  readonly log: Logger;
  readonly registry: Registry;

  /** Any request, as raw JSON. Undefined for an empty answer. */
  request(request: ApiRequest): Promise<unknown>;

  /** The live object, or undefined when there is none. */
  get<T extends BaseObject>(kind: Kind<T>, key: ObjectKey, options?: CallOptions): Promise<T | undefined>;
  /** All live objects, read in pages. */
  list<T extends BaseObject>(kind: Kind<T>, scope?: Scope, options?: CallOptions): Promise<T[]>;
  /** Raw events from a version on. Ends when the server ends it (5 to 10 minutes); `informer` is what stays. */
  watch<T extends BaseObject>(
    kind: Kind<T>,
    scope: Scope,
    from: { resourceVersion: string; signal: AbortSignal },
  ): AsyncIterable<WatchEvent<T>>;

  /** Creates the object and returns it as stored. Rejects with 409 when the name is taken (`isConflict`). */
  create<T extends BaseObject>(kind: Kind<T>, object: Desired<T>, options?: CallOptions): Promise<T>;
  /**
   * Server-side apply that writes only if it would change something.
   * The live object comes from a synced cache of the kind where there is one, else from the server.
   */
  apply<T extends BaseObject>(kind: Kind<T>, desired: Desired<T>, options?: ApplyOptions): Promise<Applied<T>>;
  /** Replaces the status, whose only writer the caller must be, if it differs. Refused (409) when the object was re-created since. */
  updateStatus<T extends BaseObject>(kind: Kind<T>, object: T, status: StatusOf<T>, options?: StatusOptions): Promise<Applied<T>>;
  /** True when the server took the deletion, false when the object was gone already. */
  delete<T extends BaseObject>(kind: Kind<T>, target: T | ObjectKey, options?: DeleteOptions): Promise<boolean>;
  /** A list is sent as JSON Patch (RFC 6902), an object as JSON Merge Patch (RFC 7386). */
  patch<T extends BaseObject>(
    kind: Kind<T>,
    key: ObjectKey,
    patch: readonly JsonPatchOperation[] | Readonly<Record<string, unknown>>,
    options?: PatchOptions,
  ): Promise<T>;

  /** The shared cache of a kind. The same scope always gives the same informer. It fills once started, by `run` or `start()`. */
  informer<T extends BaseObject>(kind: Kind<T>, scope?: CacheScope): Informer<T>;
  /** Starts every informer that was asked for and not yet started. */
  startInformers(): void;
  readonly informers: readonly Informer<BaseObject>[];

  /** Every write from now on passes through. The newest interceptor sees it first. Returns how to take it out again. */
  interceptWrites(interceptor: WriteInterceptor): () => void;

  /** Ends all watches and connections. */
  close(): Promise<void>;
}
