import type { Applied, ApplyOptions } from '../cluster/cluster.ts';
import type { ApiRequest } from '../cluster/request.ts';
import { KubeRuntimeError } from '../errors.ts';
import { isRecord } from '../json.ts';
import { keyOf, pathOf, type Kind } from '../kind.ts';
import type { Logger } from '../logger.ts';
import { controllerOf, isControlledBy } from '../owners.ts';
import type { BaseObject, Desired, ObjectKey, StatusOf } from '../resource.ts';
import { applyBody } from './desired.ts';
import { fieldPaths, firstDifference } from './difference.ts';
import { Unsettled } from './unsettled.ts';

export interface ApplierOptions {
  readonly fieldManager: string;
  readonly log: Logger;
  readonly send: (request: ApiRequest) => Promise<unknown>;
  /** The object as last known: from a cache that would hold it, else live. */
  readonly read: <T extends BaseObject>(kind: Kind<T>, key: ObjectKey, signal?: AbortSignal) => Promise<T | undefined>;
  /** Told of every answer, so that caches need not wait for the watch. */
  readonly wrote: <T extends BaseObject>(kind: Kind<T>, object: T) => void;
}

/** Server-side apply that first looks whether it would change anything. */
export class Applier {
  readonly #options: ApplierOptions;
  readonly #unsettled = new Unsettled();

  constructor(options: ApplierOptions) {
    this.#options = options;
  }

  async apply<T extends BaseObject>(kind: Kind<T>, desired: Desired<T>, options: ApplyOptions): Promise<Applied<T>> {
    const { owner, force = true, adopt = true, signal } = options;
    const body = applyBody(kind, desired, { fieldManager: this.#options.fieldManager, owner });
    if (owner?.metadata.deletionTimestamp) throw refused('owner_is_going', kind, body.metadata, { owner: owner.metadata.name });
    const live = await this.#options.read(kind, body.metadata, signal);
    if (live?.metadata.deletionTimestamp) return { object: live, outcome: 'terminating' };
    if (live && owner) checkOwnership(kind, live, owner, adopt);
    const reason = live ? firstDifference(kind, body, live) : 'object';
    return this.#settle(kind, live, body, { path: pathOf(kind, body.metadata), reason, force, signal, stillDiffers: firstDifference });
  }

  /** Sole writer of the status fields it is given: what an earlier call set and this one leaves out is removed. */
  async applyStatus<T extends BaseObject>(kind: Kind<T>, object: T, status: StatusOf<T>, signal?: AbortSignal): Promise<Applied<T>> {
    const { name, namespace, uid } = object.metadata;
    if (!uid) throw refused('object_incomplete', kind, object.metadata, { field: 'metadata.uid' });
    // the cache may hold a newer answer to an earlier write of ours than the object that the caller was given
    const known = await this.#options.read(kind, object.metadata, signal);
    const live = known?.metadata.uid === uid ? known : object;
    const body = { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name, namespace, uid }, status };
    const path = pathOf(kind, object.metadata, 'status');
    return this.#settle(kind, live, body, {
      path,
      reason: statusDifference(kind, body, live),
      force: true,
      signal,
      stillDiffers: statusDifference,
    });
  }

  async #settle<T extends BaseObject>(kind: Kind<T>, live: T | undefined, body: unknown, how: Settling): Promise<Applied<T>> {
    if (live && how.reason === undefined) return { object: live, outcome: 'unchanged' };
    if (live && this.#unsettled.knows(how.path, live.metadata.resourceVersion, body)) return { object: live, outcome: 'unchanged' };
    const answer = await this.#options.send({
      method: 'PATCH',
      path: how.path,
      query: { fieldManager: this.#options.fieldManager, force: how.force },
      contentType: 'application/apply-patch+yaml',
      body,
      signal: how.signal,
    });
    const object = kind.accept(answer);
    this.#options.wrote(kind, object);
    const left = how.stillDiffers(kind, body, object);
    if (left === undefined) this.#unsettled.settle(how.path);
    else this.#unsettled.note(how.path, object.metadata.resourceVersion, body);
    this.#options.log.debug({ kind: kind.kind, object: keyOf(object.metadata), field: how.reason, left }, 'Applied');
    if (!live) return { object, outcome: 'created' };
    return { object, outcome: live.metadata.resourceVersion === object.metadata.resourceVersion ? 'unchanged' : 'changed' };
  }
}

interface Settling {
  readonly path: string;
  /** The first field that differs. */
  readonly reason: string | undefined;
  readonly force: boolean;
  readonly signal: AbortSignal | undefined;
  readonly stillDiffers: (kind: Kind<BaseObject>, body: unknown, object: BaseObject) => string | undefined;
}

/** Besides fields that differ: fields that are there and should not be. A status has one writer, so they are most likely ours. */
function statusDifference(kind: Kind<BaseObject>, body: unknown, live: BaseObject): string | undefined {
  const wanted = isRecord(body) ? body['status'] : undefined;
  const there = 'status' in live ? live.status : undefined;
  const wantedPaths = new Set(fieldPaths(kind, wanted, ['status']));
  const surplus = fieldPaths(kind, there, ['status']).find((path) => !wantedPaths.has(path));
  return firstDifference(kind, wanted, there, ['status']) ?? surplus;
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
