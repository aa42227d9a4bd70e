import { absent, type Applied, type ApplyOptions, type StatusOptions } from '../cluster/cluster.ts';
import type { ApiRequest } from '../cluster/request.ts';
import { isConflict, KubeError, KubeRuntimeError } from '../errors.ts';
import { keyOf, pathOf, type Kind } from '../kind.ts';
import type { Logger } from '../logger.ts';
import { controllerOf, isControlledBy } from '../owners.ts';
import type { BaseObject, Desired, DesiredMeta, ObjectKey, StatusOf } from '../resource.ts';
import type { Head } from '../cache/informer.ts';
import type { Found } from '../cache/informer-pool.ts';
import { AsWanted, type Wish } from './as-wanted.ts';
import { applyBody, type ApplyBody } from './desired.ts';
import { firstDifference } from './difference.ts';
import { keepRecent } from '../recent.ts';
import { Unsettled } from './unsettled.ts';

/**
 * No object has this version: it is that of etcd before anything was written. Server-side apply knows no "only if there is none", but refuses
 * another version than the object's, and looks at none where it creates. A POST would make us an updating owner, who keeps for ever what a later
 * apply drops.
 */
const versionOfNone = '1';

export interface ApplierOptions {
  readonly fieldManager: string;
  readonly log: Logger;
  readonly send: (request: ApiRequest) => Promise<unknown>;
  /** The object as caches know it. */
  readonly find: <T extends BaseObject>(kind: Kind<T>, metadata: DesiredMeta) => Found<T>;
  /** The object as the server has it. */
  readonly read: <T extends BaseObject>(kind: Kind<T>, key: ObjectKey, signal?: AbortSignal) => Promise<T | undefined>;
  /** What a cache that would hold the object knows of it, without reading it. */
  readonly head: (kind: Kind<BaseObject>, key: ObjectKey) => Head | undefined;
  /** Told of every answer, so that caches need not wait for the watch. */
  readonly wrote: <T extends BaseObject>(kind: Kind<T>, object: T) => void;
}

/** Server-side apply that first looks whether it would change anything. */
export class Applier {
  readonly #options: ApplierOptions;
  readonly #unsettled = new Unsettled();
  readonly #asWanted = new AsWanted();
  /** In whose place something stands that no cache holds. */
  readonly #taken = new Map<string, true>();

  constructor(options: ApplierOptions) {
    this.#options = options;
  }

  async apply<T extends BaseObject>(kind: Kind<T>, desired: Desired<T>, options: ApplyOptions): Promise<Applied<T>> {
    const { owner } = options;
    if (owner?.metadata.deletionTimestamp) throw refused('owner_is_going', kind, desired.metadata, { owner: owner.metadata.name });
    const wish: Wish = {
      target: `${kind.apiVersion} ${kind.plural} ${keyOf(desired.metadata)}`,
      print: JSON.stringify([desired, owner?.apiVersion, owner?.metadata.uid]),
    };
    const asWanted = this.#asWanted.find(wish, this.#options.head(kind, desired.metadata));
    return asWanted ? { object: kind.accept(asWanted), outcome: 'unchanged' } : this.#compareAndApply(kind, desired, { ...options, wish });
  }

  async #compareAndApply<T extends BaseObject>(
    kind: Kind<T>,
    desired: Desired<T>,
    options: ApplyOptions & { readonly wish: Wish },
  ): Promise<Applied<T>> {
    const { owner, adopt = true, wish } = options;
    const body = applyBody(kind, desired, { fieldManager: this.#options.fieldManager, owner });
    const found = await this.#findOrCreate(kind, body, options);
    if ('made' in found) return found.made;
    const { live } = found;
    if (live.metadata.deletionTimestamp) return { object: live, outcome: 'terminating' };
    if (owner) checkOwnership(kind, live, owner, adopt);
    const reason = firstDifference(kind, body, live);
    if (reason === undefined) this.#asWanted.note(wish, live);
    return this.#settle(kind, live, { request: this.#request(kind, body, options), says: body, reason, stillDiffers: differs(kind, body) });
  }

  /**
   * What no cache holds is hardly ever there, so it is made without a look: one request instead of two. Where there is an object after all, since a cache
   * may be behind, or leaves out what does not bear its labels, that one has to be looked at, and is looked at first from then on: what stands in the way
   * for long is asked for in vain only once.
   */
  async #findOrCreate<T extends BaseObject>(
    kind: Kind<T>,
    body: ApplyBody,
    options: ApplyOptions & { readonly wish: Wish },
  ): Promise<{ readonly live: T } | { readonly made: Applied<T> }> {
    const { target } = options.wish;
    const { object, absence } = this.#options.find(kind, body.metadata);
    if (object) return { live: object };
    if (absence !== 'unknown' && !this.#taken.has(target)) {
      const made = await this.#create(kind, body, options).catch(undefinedIfConflict);
      if (made) return { made };
      keepRecent(this.#taken, target, true);
    }
    const live = await this.#options.read(kind, body.metadata, options.signal);
    if (live) return { live };
    this.#taken.delete(target);
    return { made: await this.#create(kind, body, options) };
  }

  /** Refused (409) where there is such an object: nothing is taken over unseen. */
  #create<T extends BaseObject>(kind: Kind<T>, body: ApplyBody, options: ApplyOptions): Promise<Applied<T>> {
    const request = this.#request(kind, body, { ...options, basedOn: absent });
    return this.#settle<T>(kind, undefined, { request, says: body, reason: 'object', stillDiffers: differs(kind, body) });
  }

  #request(kind: Kind<BaseObject>, body: ApplyBody, { force = true, basedOn, signal }: ApplyOptions): ApiRequest {
    const resourceVersion = basedOn === absent ? versionOfNone : basedOn;
    return {
      path: pathOf(kind, body.metadata),
      query: { fieldManager: this.#options.fieldManager, force },
      contentType: 'application/apply-patch+yaml',
      body: resourceVersion === undefined ? body : { ...body, metadata: { ...body.metadata, resourceVersion } },
      signal,
    };
  }

  /**
   * Replaces the whole status: it has one writer. A JSON patch, because it can test the UID, which server-side apply does not look at
   * below `/status`: what is known of an object must not be written to another one of the same name.
   */
  async applyStatus<T extends BaseObject>(
    kind: Kind<T>,
    object: T,
    status: StatusOf<T>,
    { basedOn, signal }: StatusOptions,
  ): Promise<Applied<T>> {
    const { uid } = object.metadata;
    if (!uid) throw refused('object_incomplete', kind, object.metadata, { field: 'metadata.uid' });
    // the cache may hold a newer answer to an earlier write of ours than the object that the caller was given
    const found = this.#options.find(kind, object.metadata);
    const known = found.object ?? (found.absence === 'certain' ? undefined : await this.#options.read(kind, object.metadata, signal));
    const live = known?.metadata.uid === uid ? known : object;
    const request: ApiRequest = {
      path: pathOf(kind, object.metadata, 'status'),
      query: { fieldManager: this.#options.fieldManager },
      contentType: 'application/json-patch+json',
      body: [
        { op: 'test', path: '/metadata/uid', value: uid },
        ...(basedOn === undefined ? [] : [{ op: 'test', path: '/metadata/resourceVersion', value: basedOn }]),
        { op: 'add', path: '/status', value: status },
      ],
      signal,
    };
    const stillDiffers = (answer: BaseObject): string | undefined => statusDifference(kind, status, answer);
    return this.#settle(kind, live, { request, says: request.body, reason: stillDiffers(live), stillDiffers });
  }

  async #settle<T extends BaseObject>(
    kind: Kind<T>,
    live: T | undefined,
    { request, says, reason, stillDiffers }: Settling,
  ): Promise<Applied<T>> {
    const { path } = request;
    if (live && reason === undefined) return { object: live, outcome: 'unchanged' };
    if (live && this.#unsettled.knows(path, live.metadata.resourceVersion, says)) return { object: live, outcome: 'unchanged' };
    const object = kind.accept(await this.#send({ method: 'PATCH', ...request }));
    this.#options.wrote(kind, object);
    const left = stillDiffers(object);
    if (left === undefined) this.#unsettled.settle(path);
    else this.#unsettled.note(path, object.metadata.resourceVersion, says);
    this.#options.log.debug({ kind: kind.kind, object: keyOf(object.metadata), field: reason, left }, 'Applied');
    if (!live) return { object, outcome: 'created' };
    return { object, outcome: live.metadata.resourceVersion === object.metadata.resourceVersion ? 'unchanged' : 'changed' };
  }

  /** A failed `test` comes back as 422 without a cause; for a caller it is a conflict like any other. */
  async #send(request: ApiRequest): Promise<unknown> {
    try {
      return await this.#options.send(request);
    } catch (error) {
      if (!(error instanceof KubeError) || error.status !== 422 || error.causes.length > 0 || !Array.isArray(request.body)) throw error;
      const details = {
        method: 'PATCH',
        path: request.path,
        status: 409,
        reason: 'Conflict',
        says: 'the object was re-created, or changed since it was read',
      };
      throw new KubeError(details, { cause: error });
    }
  }
}

interface Settling {
  readonly request: ApiRequest;
  /** What it asks for, whatever it is based on. */
  readonly says: unknown;
  /** The first field that differs. */
  readonly reason: string | undefined;
  readonly stillDiffers: (object: BaseObject) => string | undefined;
}

function undefinedIfConflict(error: unknown): undefined {
  if (!isConflict(error)) throw error;
}

const differs =
  (kind: Kind<BaseObject>, body: ApplyBody) =>
  (object: BaseObject): string | undefined =>
    firstDifference(kind, body, object);

/** Besides fields that differ: fields that are there and should not be. */
function statusDifference(kind: Kind<BaseObject>, wanted: unknown, live: BaseObject): string | undefined {
  const there = 'status' in live ? live.status : undefined;
  return firstDifference(kind, wanted, there, ['status']) ?? firstDifference(kind, there, wanted, ['status']);
}

function checkOwnership(kind: Kind<BaseObject>, live: BaseObject, owner: BaseObject, adopt: boolean): void {
  if (isControlledBy(live, owner)) return;
  const other = controllerOf(live);
  if (!other && adopt) return;
  throw refused('owned_by_another', kind, live.metadata, {
    owner: other ? `${other.kind} "${other.name}"` : 'nobody, and adoption is off',
  });
}

const refused = (
  code: 'owned_by_another' | 'owner_is_going' | 'object_incomplete',
  kind: Kind<BaseObject>,
  key: ObjectKey,
  details: Readonly<Record<string, string>>,
): KubeRuntimeError => new KubeRuntimeError(code, { kind: kind.kind, name: keyOf(key), ...details });
