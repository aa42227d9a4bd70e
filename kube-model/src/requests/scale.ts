import type { ApiRequest } from 'kube-runtime';
import { at, isRecord, recordOf, textOf, withAt, type Json } from '../objects/json.ts';
import type { StoredObject } from '../objects/object.ts';
import type { Managers } from '../fields/managers.ts';
import { ownersAfterScale } from '../fields/scale-owners.ts';
import type { ScalePaths } from '../rules/served-kind.ts';
import { managerName, nameOf, type Call } from './call.ts';
import { mergePatch } from './patch.ts';
import { badRequest, internal, methodNotAllowed, noSuchPath, notFound, unsupportedMediaType } from './refused.ts';
import { keyFrom } from './route.ts';
import { overwrite } from './update.ts';

/** `/scale`: the replicas of any kind in one shape. */
export function scale(call: Call): Json {
  const { site, route, request } = call;
  const { method = 'GET' } = request;
  const paths = route.served.scale;
  if (!paths) throw noSuchPath();
  const existing = site.store.get(route.served, keyFrom(route, nameOf(call)), method === 'GET' ? call.version : undefined);
  if (!existing) throw notFound(route.served, nameOf(call));
  if (method !== 'GET') return scaleOf(rescale(call, existing, paths), paths);
  if (at(existing, fieldsIn(paths.specReplicasPath)) !== undefined) return scaleOf(existing, paths);
  throw internal(`the spec replicas field "${paths.specReplicasPath}" does not exist`);
}

function rescale(call: Call, existing: StoredObject, paths: ScalePaths): StoredObject {
  const { route, request } = call;
  const wanted = request.method === 'PUT' ? request.body : patchedScale(scaleOf(existing, paths), request);
  const replicas = at(wanted, ['spec', 'replicas']) ?? 0;
  if (typeof replicas !== 'number') throw badRequest('spec.replicas is no number');
  const draft = asObject(withAt(structuredClone(existing), fieldsIn(paths.specReplicasPath), replicas));
  const version = at(wanted, ['metadata', 'resourceVersion']);
  if (typeof version === 'string') draft.metadata.resourceVersion = version;
  const verb = request.method === 'PUT' ? 'update' : 'patch';
  return overwrite({ ...call, route: { ...route, subresource: undefined } }, existing, draft, verb, ownersOfScale(call, existing, paths));
}

function patchedScale(current: Json, { method, contentType, body }: ApiRequest): unknown {
  if (method !== 'PATCH') throw methodNotAllowed();
  if (contentType !== 'application/merge-patch+json') throw unsupportedMediaType();
  return mergePatch(current, body);
}

function scaleOf(object: StoredObject, { specReplicasPath, statusReplicasPath, labelSelectorPath }: ScalePaths): Json {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const replicas = at(object, fieldsIn(specReplicasPath));
  const selector = labelSelectorPath === undefined ? undefined : selectorText(at(object, fieldsIn(labelSelectorPath)));
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { ...(replicas !== 0 && { replicas }) },
    status: { replicas: at(object, fieldsIn(statusReplicasPath)) ?? 0, ...(selector && { selector }) },
  };
}

/** A Scale of no replicas leaves them out, so nobody owns the zero. */
function ownersOfScale(call: Call, existing: StoredObject, { specReplicasPath }: ScalePaths): (fresh: StoredObject) => Managers {
  const path = fieldsIn(specReplicasPath);
  const told = (object: StoredObject): unknown => at(object, path) || undefined;
  return (fresh) => ownersAfterScale(existing, path, managerName(call), { from: told(existing), to: told(fresh) });
}

/** A selector as text, or one of `matchLabels`. */
function selectorText(selector: unknown): string | undefined {
  if (!isRecord(selector)) return textOf(selector);
  return Object.entries(recordOf(selector['matchLabels']))
    .map(([key, value]) => `${key}=${String(value)}`)
    .sort()
    .join(',');
}

const fieldsIn = (path: string): string[] => path.split('.').filter((field) => field !== '');

function asObject(value: Json): StoredObject {
  if (!isStored(value)) throw new Error('an object with one field set is an object');
  return value;
}
const isStored = (value: Json): value is StoredObject => isRecord(value['metadata']);
